"""The numbers of schedules, as `shared.metrics` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import metrics

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from services.scheduler.turn import Turn
    from shared.broker.producer import Enqueued

#: The label of all schedules that people created: there may be very many.
OTHERS = "others"
_TIMES = (metrics.SCHEDULE_LAST, metrics.SCHEDULE_NEXT, metrics.SCHEDULE_INTERVAL)


class ScheduleMeter:
    """Counts slots; a default under its own name, the others under one."""

    def __init__(self, defaults: Collection[str]) -> None:
        """Know which schedules are defaults, so few."""
        self._defaults = frozenset(defaults)
        self.declare(OTHERS)

    def declare(self, schedule_id: str) -> None:
        """Show the counters from the start, so that the first fire is a change."""
        metrics.SCHEDULE_ENQUEUED.labels(schedule_id)
        metrics.SCHEDULE_MISSED.labels(schedule_id)
        metrics.SCHEDULE_LATENESS.labels(schedule_id)

    def due(self, schedule_id: str, due_ms: int | None) -> None:
        """Tell when a default is due next; nothing of one that rests or is no more.

        A paused schedule whose last slot were still told would look late for ever.
        """
        if due_ms is None:
            for gauge in _TIMES:
                gauge.remove_by_labels({"schedule": schedule_id})
        else:
            metrics.SCHEDULE_NEXT.labels(schedule_id).set(due_ms / 1000)

    def leave(self) -> None:
        """Tell no times any more: another scheduler leads, and knows them."""
        for gauge in _TIMES:
            gauge.clear()

    def lag(self, lag_ms: int) -> None:
        """Tell how long the longest due slot has waited."""
        metrics.SCHEDULER_LAG.set(max(0, lag_ms) / 1000)

    def turned(self, turn: Turn, jobs: Sequence[Enqueued]) -> None:
        """Count what became of a schedule's slots."""
        schedule = turn.schedule
        is_default = schedule.id in self._defaults
        label = schedule.id if is_default else OTHERS
        for slot_ms, job in zip(turn.fire, jobs, strict=True):
            if not job.created:
                continue
            metrics.SCHEDULE_ENQUEUED.labels(label).inc()
            late_ms = max(0, job.timestamp - schedule.timetable.due_ms(slot_ms))
            metrics.SCHEDULE_LATENESS.labels(label).observe(late_ms / 1000)
            metrics.SCHEDULE_LAST.labels(label).set(job.timestamp / 1000)
        if missed := sum(skipped.count for skipped in turn.skipped):
            metrics.SCHEDULE_MISSED.labels(label).inc(missed)
        if is_default:
            _upcoming(turn)


def _upcoming(turn: Turn) -> None:
    """Tell the next slot, and how far it is from the one after it."""
    table = turn.schedule.timetable
    next_ms = table.next_after(turn.cursor_ms)
    after_ms = None if next_ms is None else table.next_after(next_ms)
    if next_ms is None or after_ms is None:
        return
    label = turn.schedule.id
    metrics.SCHEDULE_NEXT.labels(label).set(table.due_ms(next_ms) / 1000)
    metrics.SCHEDULE_INTERVAL.labels(label).set((after_ms - next_ms) / 1000)
