from __future__ import annotations

from typing import Any

import pytest

from services.scheduler.turn import BUFFER_LOOK_MS, Turn, decide
from shared.jobs.states import JobState
from shared.schedules.cron import EveryRule
from shared.schedules.policies import Overlap, Reason
from shared.schedules.record import Progress
from shared.schedules.schedule import Schedule
from shared.schedules.timetable import Timetable

NOON = 1_780_272_000_000
SECOND = 1_000


def turn(
    states: dict[int, JobState] | None = None,
    *,
    slots: int = 1,
    progress: dict[str, Any] | None = None,
    **changes: Any,
) -> Turn:
    """Decide when `slots` slots have come; `states` are those of earlier jobs."""
    schedule = Schedule(
        id="owl",
        timetable=Timetable(rule=EveryRule(SECOND)),
        queue="demo",
        name="echo",
        data=b"{}",
        **changes,
    )
    known = {schedule.job_id(slot): state for slot, state in (states or {}).items()}
    return decide(
        schedule,
        Progress(cursor_ms=NOON, **(progress or {})),
        now_ms=NOON + slots * SECOND,
        state_of=lambda _, job_id: known.get(job_id),
    )


def reasons(found: Turn) -> list[Reason]:
    return [skipped.reason for skipped in found.skipped]


RUNNING = {"states": {NOON: JobState.ACTIVE}, "progress": {"recent": (NOON,)}}
ENDED = {"states": {NOON: JobState.COMPLETED}, "progress": {"recent": (NOON,)}}


def test_jobs_may_overlap_unless_somebody_minds() -> None:
    found = turn(**RUNNING, slots=2)

    assert found.fire == [NOON + SECOND, NOON + 2 * SECOND]


@pytest.mark.parametrize("overlap", list(Overlap))
def test_a_slot_after_a_job_that_has_ended_is_fired(overlap: Overlap) -> None:
    assert turn(**ENDED, overlap=overlap).fire == [NOON + SECOND]


def test_skip_leaves_a_slot_out_while_the_previous_job_runs() -> None:
    found = turn(**RUNNING, overlap=Overlap.SKIP)

    assert found.fire == []
    assert reasons(found) == [Reason.STILL_RUNNING]
    assert found.cursor_ms == NOON + SECOND


def test_skip_fires_one_of_several_slots_that_come_together() -> None:
    found = turn(**ENDED, overlap=Overlap.SKIP, slots=3)

    assert found.fire == [NOON + SECOND]
    assert reasons(found) == [Reason.STILL_RUNNING] * 2


def test_buffer_one_keeps_one_slot_and_skips_the_others() -> None:
    found = turn(**RUNNING, overlap=Overlap.BUFFER_ONE, slots=3)

    assert (found.fire, found.buffered) == ([], NOON + SECOND)
    assert reasons(found) == [Reason.BUFFER_FULL] * 2
    now_ms = NOON + 3 * SECOND
    assert found.due_ms(now_ms) == now_ms + BUFFER_LOOK_MS


def test_a_buffered_slot_is_fired_when_the_previous_job_has_ended() -> None:
    found = turn(
        {NOON: JobState.FAILED},
        progress={"recent": (NOON,), "buffered": NOON - SECOND},
        overlap=Overlap.BUFFER_ONE,
        slots=0,
    )

    assert (found.fire, found.buffered) == ([NOON - SECOND], None)
    assert found.cursor_ms == NOON


def test_cancel_previous_makes_way_for_the_latest_slot() -> None:
    found = turn(**RUNNING, overlap=Overlap.CANCEL_PREVIOUS, slots=3)

    assert found.cancelled == [f"owl:{NOON}"]
    assert found.fire == [NOON + 3 * SECOND]
    assert reasons(found) == [Reason.COVERED] * 2


def failed(count: int) -> dict[str, Any]:
    slots = tuple(NOON - n * SECOND for n in reversed(range(count)))
    return {
        "states": dict.fromkeys(slots, JobState.FAILED),
        "progress": {"recent": slots},
    }


def test_repeated_failure_pauses_a_schedule() -> None:
    found = turn(**failed(3), pause_after_failures=3)

    assert found.fire == []
    assert found.paused == "the last 3 jobs have failed"
    assert reasons(found) == [Reason.PAUSED]
    assert found.due_ms(NOON) is None


def test_less_failure_does_not() -> None:
    assert turn(**failed(2), pause_after_failures=3).paused == ""
    mixed = failed(3)
    mixed["states"][NOON - SECOND] = JobState.COMPLETED
    assert turn(**mixed, pause_after_failures=3).paused == ""


def test_the_limit_ends_a_schedule() -> None:
    found = turn(progress={"fired": 3}, limit=5, slots=9)

    assert found.fire == [NOON + SECOND, NOON + 2 * SECOND]
    assert found.fired == 5
    assert found.due_ms(NOON) is None


@pytest.mark.parametrize("overlap", [Overlap.ALLOW, Overlap.SKIP])
def test_a_paused_schedule_fires_nothing(overlap: Overlap) -> None:
    found = turn(progress={"paused": "by hand"}, overlap=overlap, slots=9)

    assert (found.fire, found.skipped) == ([], [])
    assert found.due_ms(NOON) is None
