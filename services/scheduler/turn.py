"""Decides what becomes of a schedule's due slots, its earlier jobs considered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.scheduler.slots import Skipped, plan
from shared.jobs.states import JobState
from shared.schedules.policies import Overlap, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.schedules.record import Progress
    from shared.schedules.schedule import Schedule

    #: Tells the state of a job, given its queue and id; None when there is no job.
    StateOf = Callable[[str, str], JobState | None]

#: How often a schedule looks whether the job has ended that its slot waits for.
BUFFER_LOOK_MS = 1_000


@dataclass(kw_only=True)
class Turn:
    """What a schedule does now; times are epoch milliseconds.

    Attributes:
        schedule: The schedule.
        progress: How far it had come.
        cursor_ms: The last slot that is decided.
        fire: Slots that become jobs, in order.
        skipped: Slots that do not.
        waiting: Slots that wait from now on for the previous job.
        buffered: The slot that waits after this turn.
        cancelled: The jobs that make way.
        paused: Why it rests after this turn; empty when it does not.
    """

    schedule: Schedule
    progress: Progress
    cursor_ms: int
    fire: list[int] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    buffered: int | None = None
    cancelled: list[str] = field(default_factory=list)
    paused: str = ""

    @property
    def fired(self) -> int:
        """How many slots have become jobs after this turn."""
        return self.progress.fired + len(self.fire)

    @property
    def recent(self) -> tuple[int, ...]:
        """The last slots that did, as many as the schedule wants to remember."""
        kept = self.schedule.pause_after_failures or 1
        return (*self.progress.recent, *self.fire)[-kept:]

    def due_ms(self, now_ms: int) -> int | None:
        """Return when the schedule needs the next look; None when it rests."""
        schedule = self.schedule
        is_used_up = schedule.limit is not None and self.fired >= schedule.limit
        if self.paused or is_used_up:
            return None
        slot = schedule.timetable.next_after(self.cursor_ms)
        due_ms = None if slot is None else schedule.timetable.due_ms(slot)
        if self.buffered is None:
            return due_ms
        look_ms = now_ms + BUFFER_LOOK_MS
        return look_ms if due_ms is None else min(due_ms, look_ms)


def decide(
    schedule: Schedule, progress: Progress, *, now_ms: int, state_of: StateOf
) -> Turn:
    """Return what `schedule` does at `now_ms`.

    Args:
        schedule: The schedule.
        progress: How far it has come.
        now_ms: The server's clock, epoch milliseconds.
        state_of: Asked about earlier jobs, when the schedule heeds them.
    """
    if progress.paused:
        return Turn(
            schedule=schedule,
            progress=progress,
            cursor_ms=progress.cursor_ms,
            paused=progress.paused,
        )
    todo = plan(schedule, cursor_ms=progress.cursor_ms, now_ms=now_ms)
    turn = Turn(
        schedule=schedule,
        progress=progress,
        cursor_ms=progress.cursor_ms,
        buffered=progress.buffered,
    )
    if todo.skipped:
        turn.skipped.append(todo.skipped)
        turn.cursor_ms = todo.skipped.last_ms
    room = len(todo.fire) + 1
    if schedule.limit is not None:
        room = schedule.limit - progress.fired
    if schedule.heeds_jobs:
        _Heeding(turn, room=room, state_of=state_of).run(todo.fire)
    elif fire := todo.fire[: max(room, 0)]:
        turn.fire += fire
        turn.cursor_ms = fire[-1]
    return turn


class _Heeding:
    """Goes through due slots in order, with an eye on the jobs before them."""

    def __init__(self, turn: Turn, *, room: int, state_of: StateOf) -> None:
        self._turn = turn
        self._schedule = turn.schedule
        self._room = room
        self._state_of = state_of
        recent = turn.progress.recent
        self._previous = recent[-1] if recent else None
        self._is_running = self._has_running_job()

    def run(self, slots: tuple[int, ...]) -> None:
        turn = self._turn
        if (slots or turn.buffered is not None) and self._has_failed_too_often():
            turn.paused = (
                f"the last {self._schedule.pause_after_failures} jobs have failed"
            )
            turn.buffered = None
            for slot in slots[:1]:
                self._skip(slot, Reason.PAUSED)
            return
        if turn.buffered is not None and not self._is_running:
            self._fire(turn.buffered)
            turn.buffered = None
        for slot in self._worth_a_look(slots):
            if len(turn.fire) >= self._room:
                return
            self._decide(slot)

    def _worth_a_look(self, slots: tuple[int, ...]) -> tuple[int, ...]:
        if self._schedule.overlap is not Overlap.CANCEL_PREVIOUS:
            return slots
        # Each would be cancelled by the next before it could begin.
        for slot in slots[:-1]:
            self._skip(slot, Reason.COVERED)
        return slots[-1:]

    def _decide(self, slot: int) -> None:
        overlap = self._schedule.overlap
        if not self._is_running or overlap is Overlap.ALLOW:
            self._fire(slot)
        elif overlap is Overlap.CANCEL_PREVIOUS:
            if self._previous is not None:
                self._turn.cancelled.append(self._schedule.job_id(self._previous))
            self._fire(slot)
        elif overlap is Overlap.SKIP:
            self._skip(slot, Reason.STILL_RUNNING)
        elif self._turn.buffered is None:
            self._turn.buffered = slot
            self._turn.waiting.append(slot)
        else:
            self._skip(slot, Reason.BUFFER_FULL)
        self._turn.cursor_ms = max(self._turn.cursor_ms, slot)

    def _fire(self, slot: int) -> None:
        self._turn.fire.append(slot)
        self._previous, self._is_running = slot, True

    def _skip(self, slot: int, reason: Reason) -> None:
        self._turn.skipped.append(Skipped(slot, slot, 1, reason))
        self._turn.cursor_ms = slot

    def _has_running_job(self) -> bool:
        if self._previous is None or self._schedule.overlap is Overlap.ALLOW:
            return False
        state = self._state(self._previous)
        return state is not None and not state.is_final

    def _has_failed_too_often(self) -> bool:
        wanted = self._schedule.pause_after_failures
        recent = self._turn.progress.recent
        if not wanted or len(recent) < wanted:
            return False
        return all(self._state(slot) is JobState.FAILED for slot in recent[-wanted:])

    def _state(self, slot: int) -> JobState | None:
        return self._state_of(self._schedule.queue, self._schedule.job_id(slot))
