"""Counts how attempts ended, once Redis has it.

A job that two workers believe to hold ends once: the outcome of the one whose lease is
lost is refused, and not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import metrics
from shared.broker.orders import Completion, FailureOrder, RetryOrder, StopOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Counter, Histogram

    from shared.broker.delivery import Delivery
    from shared.broker.orders import Order

#: Why attempts fail; another kind is counted as `other`, so that labels stay few.
REASONS = ("error", "timeout", "invalid", "expired", "poison", "other")
OUTCOMES = ("completed", "failed", "cancelled")
#: The task of a job whose record does not tell it.
UNKNOWN_TASK = "unknown"


@dataclass(frozen=True)
class _Series:
    """One task's series, looked up once: the look-up costs more than the count."""

    completed: Counter
    failed: Counter
    cancelled: Counter
    retried: Counter
    reasons: dict[str, Counter]
    end_to_end: Histogram

    @classmethod
    def of(cls, queue: str, task: str) -> _Series:
        finished = metrics.JOBS_FINISHED
        return cls(
            finished.labels(queue, task, "completed"),
            finished.labels(queue, task, "failed"),
            finished.labels(queue, task, "cancelled"),
            metrics.JOBS_RETRIED.labels(queue, task),
            {
                reason: metrics.ATTEMPTS_FAILED.labels(queue, task, reason)
                for reason in REASONS
            },
            metrics.JOB_END_TO_END_SECONDS.labels(queue),
        )


class Tally:
    """The counters of a process; all methods may be called by any thread.

    Attributes:
        listeners: Called with each order that Redis took, and whose job it ended.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Order, Delivery], None]] = []
        self._series: dict[tuple[str, str], _Series] = {}
        self._waits: dict[str, Histogram] = {}

    def open_queue(self, queue: str) -> None:
        """Let every series of a queue exist from the start, at 0."""
        self._waits[queue] = metrics.QUEUE_WAIT_SECONDS.labels(queue)
        metrics.LEASES_LOST.labels(queue)
        for outcome in ("waiting", "poison"):
            metrics.JOBS_RECOVERED.labels(queue, outcome)
        self.open_task(queue, UNKNOWN_TASK)

    def open_task(self, queue: str, task: str) -> None:
        """Let every series of a task exist from the start, at 0."""
        self._of(queue, task)

    def waited(self, queue: str, seconds: float) -> None:
        """Note how long a job waited for its first start."""
        wait = self._waits.get(queue)
        if wait is None:
            wait = self._waits[queue] = metrics.QUEUE_WAIT_SECONDS.labels(queue)
        wait.observe(max(0.0, seconds))

    def settled(
        self, queue: str, order: Order, delivery: Delivery | None, *, task: str = ""
    ) -> None:
        """Note how an attempt ended.

        `delivery` is None for a job that could not be run; then `task` may name its
        task.
        """
        if delivery is not None:
            task = delivery.record.task
            for listener in self.listeners:
                listener(order, delivery)
        series = self._of(queue, task or UNKNOWN_TASK)
        if isinstance(order, Completion):
            series.completed.inc()
        elif isinstance(order, RetryOrder):
            series.retried.inc()
            _count_reason(series, order.kind)
            return
        elif isinstance(order, FailureOrder):
            series.failed.inc()
            _count_reason(series, order.kind)
        elif isinstance(order, StopOrder):
            series.cancelled.inc()
            return
        else:
            return
        if delivery is not None:
            series.end_to_end.observe(_end_to_end_s(delivery))

    def poisoned(self, queue: str, tasks: Iterable[str]) -> None:
        """Note jobs that failed because they lost too many workers, by their tasks."""
        for task in tasks:
            series = self._of(queue, task or UNKNOWN_TASK)
            series.failed.inc()
            _count_reason(series, "poison")

    def _of(self, queue: str, task: str) -> _Series:
        series = self._series.get((queue, task))
        if series is None:
            series = self._series[queue, task] = _Series.of(queue, task)
        return series


def _count_reason(series: _Series, kind: str) -> None:
    reasons = series.reasons
    reasons.get(kind, reasons["other"]).inc()


def _end_to_end_s(delivery: Delivery) -> float:
    # From the server's clock to the end of the run on ours: no two clocks are compared.
    due_ms = delivery.record.timestamp + delivery.policy.delay_ms
    ended_ms = delivery.processed_on + (delivery.run_ms or 0.0)
    return max(0.0, ended_ms - due_ms) / 1000
