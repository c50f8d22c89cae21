from __future__ import annotations

import pytest

from services.scheduler.cron import CronRule, EveryRule
from services.scheduler.schedule import Misfire, Schedule
from services.scheduler.slots import MAX_COUNTED, Plan, Reason, Skipped, plan
from shared.errors import InvalidDataError
from shared.jobs.options import JobOptions

#: A Monday, 2026-06-01T00:00:00Z, and a multiple of every interval used here.
NOON = 1_780_272_000_000
SECOND = 1_000
DAY = 86_400_000


def schedule(
    *, misfire: Misfire = Misfire.ONCE, grace_ms: int = 5 * SECOND, **changes: object
) -> Schedule:
    values: dict[str, object] = {
        "id": "owl",
        "rule": EveryRule(SECOND),
        "queue": "demo",
        "name": "echo",
        "data": b"{}",
        **changes,
    }
    return Schedule(misfire=misfire, grace_ms=grace_ms, **values)  # type: ignore[arg-type]


def test_nothing_is_due_before_the_next_slot() -> None:
    assert plan(schedule(), cursor_ms=NOON, now_ms=NOON + 999) == Plan()


def test_a_slot_is_due_at_its_millisecond() -> None:
    found = plan(schedule(), cursor_ms=NOON, now_ms=NOON + 1000)

    assert found == Plan(fire=(NOON + 1000,))


@pytest.mark.parametrize("misfire", list(Misfire))
def test_slots_within_the_grace_are_all_fired(misfire: Misfire) -> None:
    found = plan(schedule(misfire=misfire), cursor_ms=NOON, now_ms=NOON + 5_500)

    assert found == Plan(fire=tuple(NOON + n * SECOND for n in range(1, 6)))


def test_skip_fires_nothing_that_is_too_late() -> None:
    daily = schedule(misfire=Misfire.SKIP, rule=CronRule("0 0 * * *"))

    found = plan(daily, cursor_ms=NOON, now_ms=NOON + 3 * DAY + 60 * SECOND)

    assert found.fire == ()
    assert found.skipped == Skipped(NOON + DAY, NOON + 3 * DAY, 3, Reason.TOO_LATE)


def test_once_fires_the_latest_of_those_that_are_too_late() -> None:
    daily = schedule(rule=CronRule("0 0 * * *"))

    found = plan(daily, cursor_ms=NOON, now_ms=NOON + 3 * DAY + 60 * SECOND)

    assert found.fire == (NOON + 3 * DAY,)
    assert found.skipped == Skipped(NOON + DAY, NOON + 2 * DAY, 2, Reason.COVERED)


def test_once_with_a_single_late_slot_skips_none() -> None:
    daily = schedule(rule=CronRule("0 0 * * *"))

    found = plan(daily, cursor_ms=NOON, now_ms=NOON + DAY + 60 * SECOND)

    assert found == Plan(fire=(NOON + DAY,))


def test_a_slot_on_time_covers_the_late_ones() -> None:
    found = plan(schedule(), cursor_ms=NOON, now_ms=NOON + 600 * SECOND)

    assert found.fire == tuple(NOON + n * SECOND for n in range(595, 601))
    assert found.skipped == Skipped(
        NOON + SECOND, NOON + 594 * SECOND, 594, Reason.COVERED
    )


def test_years_of_missed_slots_are_decided_at_once() -> None:
    often = schedule(misfire=Misfire.SKIP, rule=EveryRule(100))

    found = plan(often, cursor_ms=NOON, now_ms=NOON + 3650 * DAY)

    assert found.skipped is not None
    assert found.skipped.last_ms == NOON + 3650 * DAY - 5_100
    assert found.skipped.count == MAX_COUNTED
    assert len(found.fire) == 51


def test_a_rare_slot_long_ago_is_found() -> None:
    leap = schedule(rule=CronRule("0 0 29 2 *"))

    found = plan(leap, cursor_ms=NOON, now_ms=NOON + 4 * 365 * DAY)

    assert found == Plan(fire=(1_835_395_200_000,))


def test_what_exceeds_the_limit_is_left_for_the_next_plan() -> None:
    first = plan(schedule(), cursor_ms=NOON, now_ms=NOON + 5_000, limit=2)
    second = plan(schedule(), cursor_ms=first.fire[-1], now_ms=NOON + 5_000, limit=9)

    assert first.fire + second.fire == tuple(NOON + n * SECOND for n in range(1, 6))


def test_a_clock_that_steps_back_fires_nothing_again() -> None:
    assert plan(schedule(), cursor_ms=NOON, now_ms=NOON - 3600 * SECOND) == Plan()


def test_a_slots_job_has_the_same_id_everywhere() -> None:
    one = schedule(options=JobOptions(priority=2))

    assert one.options_at(NOON) == JobOptions(priority=2, job_id=f"owl:{NOON}")
    assert b'"jobId":"owl:1780272000000"' in one.options_at(NOON).dump()


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"id": "two owls"}, "/id"),
        ({"id": "owl:1"}, "/id"),
        ({"id": "x" * 65}, "/id"),
        ({"id": ""}, "/id"),
        ({"options": JobOptions(job_id="mine")}, "/opts/jobId"),
        ({"grace_ms": -1}, "/graceMs"),
    ],
)
def test_a_schedule_refuses_nonsense(changes: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidDataError) as caught:
        schedule(**changes)  # type: ignore[arg-type]

    assert [problem.pointer for problem in caught.value.problems] == [pointer]
