"""The numbers of a schedule, as `shared.metrics` defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheduler.slots import next_after
from shared import metrics

if TYPE_CHECKING:
    from services.scheduler.schedule import Schedule


def declare(schedule: Schedule, *, after_ms: int) -> None:
    """Show a schedule's numbers from the start, so that the first fire is a change."""
    metrics.SCHEDULE_ENQUEUED.labels(schedule.id)
    metrics.SCHEDULE_MISSED.labels(schedule.id)
    upcoming(schedule, after_ms=after_ms)


def fired(schedule: Schedule, *, at_ms: int) -> None:
    """Count a slot that became a job at `at_ms`, epoch milliseconds."""
    metrics.SCHEDULE_ENQUEUED.labels(schedule.id).inc()
    metrics.SCHEDULE_LAST.labels(schedule.id).set(at_ms / 1000)


def skipped(schedule: Schedule, *, count: int) -> None:
    """Count slots that became no job."""
    metrics.SCHEDULE_MISSED.labels(schedule.id).inc(count)


def upcoming(schedule: Schedule, *, after_ms: int) -> None:
    """Tell the first slot after `after_ms`, and how far it is from the one after it."""
    next_ms = next_after(schedule.rule, after_ms)
    interval_ms = next_after(schedule.rule, next_ms) - next_ms
    metrics.SCHEDULE_NEXT.labels(schedule.id).set(next_ms / 1000)
    metrics.SCHEDULE_INTERVAL.labels(schedule.id).set(interval_ms / 1000)
