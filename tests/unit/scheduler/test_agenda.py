from __future__ import annotations

from services.scheduler.agenda import Agenda
from services.scheduler.cron import EveryRule
from services.scheduler.schedule import Schedule


def schedule(name: str, every_ms: int) -> Schedule:
    return Schedule(
        id=name, rule=EveryRule(every_ms), queue="demo", name="echo", data=b"{}"
    )


FAST, SLOW = schedule("fast", 100), schedule("slow", 1_000)


def test_nothing_is_due_before_it_is_opened() -> None:
    agenda = Agenda([FAST])

    assert agenda.take_due(10**13) is None
    assert agenda.next_ms is None


def test_hands_out_in_the_order_of_the_slots() -> None:
    agenda = Agenda([SLOW, FAST])
    agenda.open({"slow": 0, "fast": 0})

    assert agenda.next_ms == 100
    assert agenda.take_due(99) is None
    assert agenda.take_due(1_000) is FAST
    assert agenda.take_due(1_000) is SLOW
    assert agenda.take_due(1_000) is None


def test_goes_on_behind_the_last_decided_slot() -> None:
    agenda = Agenda([FAST])
    agenda.open({"fast": 0})
    agenda.take_due(100)

    agenda.advance(FAST, 500)

    assert agenda.cursors == {"fast": 500}
    assert agenda.next_ms == 600


def test_a_postponed_schedule_keeps_its_cursor() -> None:
    agenda = Agenda([FAST])
    agenda.open({"fast": 0})
    agenda.take_due(100)

    agenda.postpone(FAST, 1_100)

    assert agenda.next_ms == 1_100
    assert agenda.cursors == {"fast": 0}


def test_remembers_cursors_when_it_is_closed() -> None:
    agenda = Agenda([FAST])
    agenda.open({"fast": 700})

    agenda.close()

    assert not agenda.is_open
    assert agenda.take_due(10**13) is None
    assert agenda.cursors == {"fast": 700}
