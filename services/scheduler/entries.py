"""What is written down about a turn, and the jobs that it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheduler.slot_store import Due, Entry
from shared.broker.producer import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.scheduler.slot_store import Fields
    from services.scheduler.slots import Skipped
    from services.scheduler.turn import Turn
    from shared.broker.producer import Enqueued
    from shared.contracts.catalogue import AnyContract

#: A sentence about trouble is cut here.
_MAX_TROUBLE = 300


def due_of(turn: Turn) -> Due:
    """Return the schedule of a turn as it was read."""
    return Due(turn.schedule.id, turn.progress)


def requests_of(turn: Turn, catalogue: Mapping[str, AnyContract]) -> list[Request]:
    """Return the wishes for the jobs of a turn."""
    schedule = turn.schedule
    defaults = catalogue[schedule.name].defaults
    return [
        Request(
            queue=schedule.queue,
            name=schedule.name,
            data=schedule.data,
            options=schedule.options_at(slot_ms),
            defaults=defaults,
            # A slot is one request, whichever scheduler sends it.
            operation=f"slot-{slot_ms}",
        )
        for slot_ms in turn.fire
    ]


def entry_of(turn: Turn, jobs: Sequence[Enqueued], *, now_ms: int) -> Entry:
    """Return what is to be settled after the jobs of a turn were created."""
    changes: dict[str, str | int] = {"trouble": ""} if turn.progress.trouble else {}
    if turn.fire:
        changes["fired"] = turn.fired
        changes["recent"] = " ".join(str(slot) for slot in turn.recent)
    if turn.buffered != turn.progress.buffered:
        changes["buffered"] = "" if turn.buffered is None else turn.buffered
    if turn.paused:
        changes["paused"] = turn.paused
    lines = [(skipped.last_ms, _skipped_line(skipped)) for skipped in turn.skipped]
    lines += [(slot, {"outcome": "buffered", "slot": slot}) for slot in turn.waiting]
    for slot_ms, job in zip(turn.fire, jobs, strict=True):
        lines.append((slot_ms, _fired_line(turn, slot_ms, job)))
    return Entry(
        schedule_id=turn.schedule.id,
        revision=turn.progress.revision,
        cursor_ms=turn.cursor_ms,
        due_ms=turn.due_ms(now_ms),
        changes=changes,
        lines=sorted(lines, key=lambda line: line[0]),
    )


def postponed(due: Due, trouble: str, *, until_ms: int) -> Entry:
    """Return what is to be settled when nothing could be decided."""
    changes: dict[str, str | int] = {}
    if due.progress.trouble != (trouble := trouble[:_MAX_TROUBLE]):
        changes["trouble"] = trouble
    return Entry(
        schedule_id=due.id,
        revision=due.progress.revision,
        cursor_ms=due.progress.cursor_ms,
        due_ms=until_ms,
        changes=changes,
    )


def _fired_line(turn: Turn, slot_ms: int, job: Enqueued) -> Fields:
    due_ms = turn.schedule.timetable.due_ms(slot_ms)
    return {
        "outcome": "fired",
        "slot": slot_ms,
        "job": job.job_id,
        "queue": turn.schedule.queue,
        "latenessMs": max(0, job.timestamp - due_ms),
    }


def _skipped_line(skipped: Skipped) -> Fields:
    return {
        "outcome": "skipped",
        "slot": skipped.last_ms,
        "firstSlot": skipped.first_ms,
        "count": skipped.count,
        "reason": skipped.reason.value,
    }
