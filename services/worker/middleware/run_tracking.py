"""Knows which job each thread runs: log context, run time, metrics."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dramatiq import Middleware

from services.worker.current_job import current_job
from shared import metrics
from shared.broker.delivery import JobMessage
from shared.jobs.outcome import Failed, Outcome, Released, Retried

if TYPE_CHECKING:
    from dramatiq import Broker, MessageProxy, Worker
    from prometheus_client import Counter, Histogram


@dataclass(frozen=True)
class _TaskMetrics:
    """One task's series, looked up once: the look-up costs more than the count."""

    started: Counter
    retried: Counter
    completed: Counter
    failed: Counter
    run_seconds: Histogram

    @classmethod
    def of(cls, queue: str, task: str) -> _TaskMetrics:
        return cls(
            metrics.JOBS_STARTED.labels(queue, task),
            metrics.JOBS_RETRIED.labels(queue, task),
            metrics.JOBS_FINISHED.labels(queue, task, "completed"),
            metrics.JOBS_FINISHED.labels(queue, task, "failed"),
            metrics.JOB_RUN_SECONDS.labels(queue, task),
        )

    def count(self, outcome: Outcome | None) -> None:
        if outcome is None:
            self.completed.inc()
        elif isinstance(outcome, Retried):
            self.retried.inc()
        elif isinstance(outcome, Failed):
            self.failed.inc()
        elif not isinstance(outcome, Released):
            self.completed.inc()


class RunTracking(Middleware):
    """The outermost middleware: its clock covers all that the others do."""

    def __init__(self) -> None:
        """Start with no thread running."""
        self._began = threading.local()
        self._series: dict[tuple[str, str], _TaskMetrics] = {}

    def after_declare_actor(self, broker: Broker, actor: Any) -> None:
        """Let every series exist from the start, at 0."""
        del broker
        self._of(actor.queue_name, actor.actor_name)

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Tell how many threads there are."""
        del broker
        metrics.WORKER_THREADS.set(worker.worker_threads)

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Note that this thread runs the job."""
        del broker
        if not isinstance(message, JobMessage):
            return
        job = message.delivery
        current_job.set(job)
        self._of(job.queue, job.record.task).started.inc()
        metrics.WORKER_BUSY.inc()
        self._began.at = time.perf_counter()
        job.thread_id = threading.get_ident()

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Note that the thread is free, and count how the attempt ended."""
        del broker, result, exception
        if not isinstance(message, JobMessage):
            return
        job = message.delivery
        job.thread_id = None
        seconds = time.perf_counter() - self._began.at
        job.run_ms = seconds * 1000
        metrics.WORKER_BUSY.dec()
        series = self._of(job.queue, job.record.task)
        series.run_seconds.observe(seconds)
        series.count(message.outcome)
        current_job.set(None)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """A skipped message ends like any other."""
        self.after_process_message(broker, message)

    def _of(self, queue: str, task: str) -> _TaskMetrics:
        series = self._series.get((queue, task))
        if series is None:
            series = self._series[queue, task] = _TaskMetrics.of(queue, task)
        return series
