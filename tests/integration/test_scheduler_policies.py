"""What becomes of slots that can't simply be fired, and of the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.keys import QueueKeys
from shared.broker.scripts import Scripts
from shared.schedules.policies import Misfire, Overlap
from shared.schedules.record import Origin
from tests.support.queue_probe import QueueProbe, completion, failure
from tests.support.schedules import HOUR, House, ShiftedClock, definition
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from services.scheduler.clockwork import Clockwork

MINUTE = 60_000


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def probe(house: House) -> QueueProbe:
    keys = QueueKeys(house.namespace, "demo")
    return QueueProbe(house.client, keys, Scripts(house.client, keys))


def tick_until(clockwork: Clockwork, condition: Callable[[], Any]) -> None:
    wait_for(lambda: clockwork.tick() >= 0 and condition())


@pytest.mark.parametrize(
    ("misfire", "fired", "skipped"),
    [
        (Misfire.SKIP, [10], 9),
        (Misfire.ONCE, [10], 9),
        (Misfire.ALL, list(range(1, 11)), 0),
    ],
)
def test_ten_minutes_of_absence_become_what_the_policy_says(
    house: House, misfire: Misfire, fired: list[int], skipped: int
) -> None:
    last = house.last_slot_ms(MINUTE)
    house.put(every=MINUTE, misfire=misfire)
    house.put_back(last - 10 * MINUTE)

    house.clockwork().tick()

    assert house.job_slots() == [last - (10 - n) * MINUTE for n in fired]
    assert sum(int(line.get("count", 0)) for line in house.ledger()) == skipped


@pytest.mark.parametrize(
    ("misfire", "fired"), [(Misfire.SKIP, 0), (Misfire.ONCE, 1), (Misfire.ALL, 60)]
)
def test_a_clock_that_steps_an_hour_ahead_fires_what_the_policy_says(
    house: House, misfire: Misfire, fired: int
) -> None:
    house.put(pattern="* * * * *", misfire=misfire, grace=0)
    shifted = ShiftedClock()
    clockwork = house.clockwork(server_clock=shifted)
    # Away from a minute's end, so that the step crosses exactly sixty slots.
    wait_for(lambda: house.now_ms() % MINUTE < MINUTE - 2_000, within_s=5)
    clockwork.tick()
    before = house.job_slots()

    shifted.shift_ms = HOUR
    shifted.saw(house.now_ms())
    clockwork.tick()

    assert len(house.job_slots()) - len(before) == fired
    assert len(house.job_slots()) == len(set(house.job_slots()))


def test_a_clock_that_steps_back_fires_nothing_twice(house: House) -> None:
    last = house.last_slot_ms(MINUTE)
    house.put(every=MINUTE)
    house.put_back(last - MINUTE)
    shifted = ShiftedClock()
    clockwork = house.clockwork(server_clock=shifted)
    clockwork.tick()
    fired = house.job_slots()
    assert fired

    shifted.shift_ms = -HOUR
    shifted.saw(house.now_ms())
    clockwork.tick()
    shifted.shift_ms = 0
    shifted.saw(house.now_ms())
    clockwork.tick()

    assert house.job_slots()[: len(fired)] == fired
    assert len(house.ledger()) == len(house.job_slots())


def test_overlapping_slots_are_skipped_until_the_job_has_ended(
    house: House, probe: QueueProbe
) -> None:
    house.put(every=100, overlap=Overlap.SKIP)
    clockwork = house.clockwork()
    tick_until(
        clockwork,
        lambda: ("skipped", "the previous job has not ended") in house.outcomes(),
    )
    assert len(house.job_slots()) == 1

    [job] = probe.claim()
    probe.scripts.complete([completion(job)])
    tick_until(clockwork, lambda: len(house.job_slots()) == 2)


def test_one_slot_waits_for_the_previous_job(house: House, probe: QueueProbe) -> None:
    house.put(every=100, overlap=Overlap.BUFFER_ONE)
    clockwork = house.clockwork()
    tick_until(clockwork, lambda: len(house.outcomes()) >= 4)
    (first,) = house.job_slots()
    buffered = house.stored().progress.buffered
    assert buffered == first + 100

    [job] = probe.claim()
    probe.scripts.complete([completion(job)])
    tick_until(clockwork, lambda: len(house.job_slots()) == 2)

    assert house.job_slots() == [first, buffered]
    outcomes = [o for o, _ in house.outcomes()]
    assert outcomes[:2] == ["fired", "buffered"]
    assert outcomes.count("fired") == 2


def test_a_job_makes_way_for_the_next(house: House, probe: QueueProbe) -> None:
    house.put(every=200, overlap=Overlap.CANCEL_PREVIOUS)
    clockwork = house.clockwork()

    tick_until(clockwork, lambda: len(house.job_slots()) >= 3)

    *earlier, last = house.job_slots()
    assert {probe.state(f"owl:{slot}") for slot in earlier} == {"cancelled"}
    assert probe.state(f"owl:{last}") == "waiting"


def test_failure_after_failure_pauses_until_somebody_resumes(
    house: House, probe: QueueProbe
) -> None:
    house.put(every=100, overlap=Overlap.SKIP, pause_after_failures=2)
    clockwork = house.clockwork()

    def paused() -> bool:
        for job in probe.claim():
            probe.scripts.fail([failure(job)])
        return house.stored().status == "paused"

    tick_until(clockwork, paused)
    assert house.stored().progress.paused == "the last 2 jobs have failed"
    assert len(house.job_slots()) == 2

    house.book.resume("owl")
    tick_until(clockwork, lambda: len(house.job_slots()) == 3)


def test_a_limit_ends_a_schedule(house: House) -> None:
    house.put(every=100, limit=3)
    clockwork = house.clockwork()

    tick_until(clockwork, lambda: house.stored().status == "ended")

    assert len(house.job_slots()) == 3


def test_defaults_are_declared_changed_and_withdrawn(house: House) -> None:
    house.clockwork(defaults={"owl": definition(every=HOUR)}).tick()
    assert (house.stored().origin, house.stored().definition.every) == ("code", HOUR)

    house.book.declare({"owl": definition(every=2 * HOUR)})
    assert house.stored().definition.every == 2 * HOUR

    house.book.declare({})
    assert house.book.store.count() == 0


def test_what_a_person_did_to_a_default_survives_restarts(house: House) -> None:
    defaults = {name: definition(every=HOUR) for name in ("kept", "gone", "rests")}
    house.book.declare(defaults)
    house.put("kept", every=1_000)
    house.book.remove("gone")
    house.book.pause("rests")

    changed = {name: definition(every=3 * HOUR) for name in defaults}
    house.book.declare(changed)

    kept, gone, rests = house.book.store.read(["kept", "gone", "rests"]).schedules
    assert kept is not None
    assert (kept.origin, kept.definition.every) == (Origin.USER, 1_000)
    assert gone is None
    assert rests is not None
    assert (rests.status, rests.definition.every) == ("paused", 3 * HOUR)
    house.put("gone", every=1_000)
    house.book.remove("gone")
    house.book.declare(changed)
    assert house.book.store.read(["gone"]).schedules == [None]
