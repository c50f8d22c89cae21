from __future__ import annotations

from typing import Any

import pytest

from services.scheduler.slots import MAX_COUNTED, MAX_FIRED, Plan, Skipped, plan
from shared.jobs.options import JobOptions
from shared.schedules.cron import CronRule, EveryRule, Rule
from shared.schedules.policies import Misfire, Reason
from shared.schedules.schedule import Schedule
from shared.schedules.timetable import Timetable

#: A Monday, 2026-06-01T00:00:00Z, and a multiple of every interval used here.
NOON = 1_780_272_000_000
SECOND = 1_000
DAY = 86_400_000


def schedule(
    *,
    misfire: Misfire = Misfire.ONCE,
    grace_ms: int = 5 * SECOND,
    rule: Rule | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    offset_ms: int = 0,
    **changes: Any,
) -> Schedule:
    timetable = Timetable(
        rule=rule or EveryRule(SECOND),
        start_ms=start_ms,
        end_ms=end_ms,
        offset_ms=offset_ms,
    )
    return Schedule(
        id="owl",
        timetable=timetable,
        queue="demo",
        name="echo",
        data=b"{}",
        misfire=misfire,
        grace_ms=grace_ms,
        **changes,
    )


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


def test_all_fires_every_late_slot() -> None:
    every = schedule(misfire=Misfire.ALL, rule=CronRule("0 0 * * *"))

    found = plan(every, cursor_ms=NOON, now_ms=NOON + 3 * DAY + 60 * SECOND)

    assert found == Plan(fire=tuple(NOON + n * DAY for n in (1, 2, 3)))


def test_all_fires_the_latest_up_to_its_cap() -> None:
    capped = schedule(misfire=Misfire.ALL, misfire_cap=3)

    found = plan(capped, cursor_ms=NOON, now_ms=NOON + 600 * SECOND)

    late, on_time = range(592, 595), range(595, 601)
    assert found.fire == tuple(NOON + n * SECOND for n in (*late, *on_time))
    assert found.skipped == Skipped(
        NOON + SECOND, NOON + 591 * SECOND, 591, Reason.BEYOND_CAP
    )


def test_a_cap_that_no_number_of_late_slots_reaches_skips_none() -> None:
    found = plan(
        schedule(misfire=Misfire.ALL, misfire_cap=1_000, grace_ms=0),
        cursor_ms=NOON,
        now_ms=NOON + 600 * SECOND,
    )

    assert found.skipped is None
    assert found.fire == tuple(NOON + n * SECOND for n in range(1, MAX_FIRED + 1))


def test_late_slots_of_years_are_capped_from_the_latest() -> None:
    found = plan(
        schedule(misfire=Misfire.ALL, misfire_cap=2, rule=EveryRule(100), grace_ms=0),
        cursor_ms=NOON,
        now_ms=NOON + 3650 * DAY,
    )

    end = NOON + 3650 * DAY
    assert found.fire == (end - 200, end - 100, end)
    assert found.skipped is not None
    assert found.skipped.last_ms == end - 300


def test_jitter_puts_a_slot_off_and_leaves_its_name() -> None:
    put_off = schedule(offset_ms=700)

    assert plan(put_off, cursor_ms=NOON, now_ms=NOON + 1_699) == Plan()
    assert plan(put_off, cursor_ms=NOON, now_ms=NOON + 1_700).fire == (NOON + SECOND,)


def test_no_slot_lies_before_the_start_or_after_the_end() -> None:
    short = schedule(start_ms=NOON + 2_000, end_ms=NOON + 4_000)

    found = plan(short, cursor_ms=NOON - DAY, now_ms=NOON + 6_000)

    assert found.fire == tuple(NOON + n * SECOND for n in (2, 3, 4))
    assert plan(short, cursor_ms=NOON + 4_000, now_ms=NOON + DAY) == Plan()
