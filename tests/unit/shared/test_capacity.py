"""How many jobs a process may hold, on a clock of the test's own."""

from __future__ import annotations

import threading

import pytest

from shared import clock
from shared.broker.capacity import (
    AHEAD_MS,
    MAX_AHEAD,
    SHORT_JOB_MS,
    STUCK_MS,
    Capacity,
)
from tests.support.wait import wait_for


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_ms = 1_000.0

    def __call__(self) -> float:
        return self.now_ms


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(clock, "monotonic_ms", own)
    return own


def room(capacity: Capacity, queue: str = "mail") -> int:
    return capacity.wait_for_room(queue, timeout_s=0)


def run(capacity: Capacity, *, ms: float | None, queue: str = "mail") -> None:
    capacity.hold(queue, 1)
    capacity.settle(queue, run_ms=ms)


def test_a_queue_that_nobody_knows_yet_gets_one_job_per_thread() -> None:
    capacity = Capacity(threads=4)
    assert room(capacity) == 4
    capacity.hold("mail", 3)
    assert room(capacity) == 1
    capacity.hold("mail", 1)
    assert room(capacity) == 0
    capacity.settle("mail", run_ms=None)
    assert room(capacity) == 1


def test_long_jobs_are_never_claimed_beyond_the_threads() -> None:
    capacity = Capacity(threads=4)
    run(capacity, ms=SHORT_JOB_MS + 1)
    for held in range(4):
        assert room(capacity) == 4 - held
        capacity.hold("mail", 1)
    assert room(capacity) == 0


def test_long_jobs_of_all_queues_share_the_threads() -> None:
    capacity = Capacity(threads=4)
    for queue in ("mail", "image"):
        run(capacity, ms=1_000, queue=queue)
    capacity.hold("mail", 3)
    assert room(capacity, "image") == 1
    capacity.hold("image", 1)
    assert room(capacity, "mail") == room(capacity, "image") == 0


def test_short_jobs_are_claimed_ahead() -> None:
    capacity = Capacity(threads=4)
    run(capacity, ms=2.0)
    assert room(capacity) == 4 + 4 * AHEAD_MS / 2.0


def test_the_shorter_the_jobs_the_more_are_claimed_up_to_a_limit() -> None:
    rooms = []
    for run_ms in (SHORT_JOB_MS, 5.0, 1.0, 0.1, 0.0):
        capacity = Capacity(threads=4)
        run(capacity, ms=run_ms)
        rooms.append(room(capacity))
    assert rooms == sorted(rooms)
    assert rooms[0] == 4 + 4 * 2
    assert rooms[-1] == 4 + MAX_AHEAD


def test_short_jobs_are_fetched_again_when_half_of_them_are_done() -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=2.0)
    whole = room(capacity)
    capacity.hold("mail", whole)
    rooms = []
    for _ in range(whole):
        rooms.append(room(capacity))
        capacity.settle("mail", run_ms=2.0)
    first = next(i for i, free in enumerate(rooms) if free)
    assert rooms[:first] == [0] * first
    assert rooms[first] == first == whole // 2 - 1


def test_one_long_run_does_not_make_a_short_queue_long_but_many_do() -> None:
    capacity = Capacity(threads=1)
    run(capacity, ms=1.0)
    run(capacity, ms=50.0)
    assert room(capacity) > 1
    for _ in range(3):
        run(capacity, ms=50.0)
    assert room(capacity) == 1


def test_a_job_that_never_ran_says_nothing_about_run_times() -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0)
    before = room(capacity)
    run(capacity, ms=None)
    assert room(capacity) == before


def test_long_jobs_do_not_take_the_room_of_short_ones_nor_the_reverse() -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0, queue="short")
    run(capacity, ms=500.0, queue="long")
    capacity.hold("short", 20)
    assert room(capacity, "long") == 2
    capacity.hold("long", 2)
    assert room(capacity, "long") == 0


def test_jobs_claimed_ahead_are_stuck_when_none_ends_for_a_while(time: Clock) -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0)
    capacity.hold("mail", 10)
    assert not capacity.is_stuck("mail")

    time.now_ms += STUCK_MS - 1
    assert not capacity.is_stuck("mail")
    time.now_ms += 1
    assert capacity.is_stuck("mail")


def test_a_queue_that_was_stuck_counts_as_long(time: Clock) -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0)
    capacity.hold("mail", 10)
    time.now_ms += STUCK_MS
    assert capacity.is_stuck("mail")
    for _ in range(10):
        capacity.settle("mail", run_ms=None)
    assert room(capacity) == 2


def test_a_job_that_ends_shows_that_nothing_is_stuck(time: Clock) -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0)
    capacity.hold("mail", 10)
    time.now_ms += STUCK_MS - 1
    capacity.settle("mail", run_ms=1.0)
    time.now_ms += STUCK_MS - 1
    assert not capacity.is_stuck("mail")


def test_jobs_that_all_have_a_thread_are_never_stuck(time: Clock) -> None:
    capacity = Capacity(threads=2)
    capacity.hold("mail", 2)
    time.now_ms += 1e6
    assert not capacity.is_stuck("mail")


def test_idle_time_before_a_batch_is_not_held_against_it(time: Clock) -> None:
    capacity = Capacity(threads=2)
    run(capacity, ms=1.0)
    time.now_ms += 1e6
    capacity.hold("mail", 10)
    assert not capacity.is_stuck("mail")


def test_who_waits_for_room_learns_of_it_at_once() -> None:
    capacity = Capacity(threads=1)
    capacity.hold("mail", 1)
    found: list[int] = []
    waiter = threading.Thread(
        target=lambda: found.append(capacity.wait_for_room("mail", timeout_s=60))
    )
    waiter.start()
    wait_for(lambda: capacity._waiting, what="somebody waits")

    capacity.settle("mail", run_ms=1_000.0)

    waiter.join(10)
    assert found == [1]


def test_who_waits_in_vain_gets_nothing() -> None:
    capacity = Capacity(threads=1)
    capacity.hold("mail", 1)
    assert capacity.wait_for_room("mail", timeout_s=0.01) == 0
    assert capacity._waiting == 0
