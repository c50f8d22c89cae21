from __future__ import annotations

import time
from itertools import pairwise

import pendulum
import pytest

from services.scheduler.heartbeat import OnTheSpotBroker, Timekeeper, Wakeup

# Waits stay below one second: from there on periodiq uses SIGALRM, which belongs to
# the test's time limit here. tests/processes covers longer waits.


def ticks_of(timekeeper_waits_ms: list[float]) -> list[float]:
    """Run a timekeeper through the waits; return when it ticked, in ms."""
    ticked: list[float] = []

    def tick() -> float:
        ticked.append(time.monotonic() * 1000)
        if len(ticked) > len(timekeeper_waits_ms):
            timekeeper.stop()
            return 0
        return timekeeper_waits_ms[len(ticked) - 1]

    timekeeper = Timekeeper(tick)
    timekeeper.run()
    return ticked


def test_ticks_after_the_wait_that_the_tick_asked_for() -> None:
    ticked = ticks_of([50, 120, 5])

    waits = [b - a for a, b in pairwise(ticked)]
    for wait, wanted in zip(waits, [50, 120, 5], strict=True):
        assert wanted <= wait < wanted + 100


def test_a_past_instant_is_the_next_thing_and_goes_no_level_deeper() -> None:
    assert len(ticks_of([-5_000] * 2_000)) == 2_001


def test_stop_from_within_a_tick_ends_the_run() -> None:
    assert len(ticks_of([])) == 1


def test_stop_before_the_run_prevents_every_tick() -> None:
    ticked: list[bool] = []

    def tick() -> float:
        ticked.append(True)
        return 0

    timekeeper = Timekeeper(tick)
    timekeeper.stop()
    timekeeper.run()

    assert ticked == []


def test_an_error_in_a_tick_is_not_swallowed() -> None:
    def tick() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Timekeeper(tick).run()


def test_periodiq_is_told_the_instant_to_the_microsecond() -> None:
    wakeup = Wakeup()
    wakeup.wait_ms = 1_234.5
    before = pendulum.now("UTC")

    wait = (wakeup.next_valid_date(before) - before).total_seconds()

    assert 1.2345 <= wait < 1.5
    assert wakeup.validate(before)
    assert str(wakeup) == "when the next slot is due"


def test_the_broker_takes_no_other_option_than_periodiqs() -> None:
    assert OnTheSpotBroker().actor_options == {"periodic"}
