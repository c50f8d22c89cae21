"""Knows which job each thread runs: log context, run time, metrics."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dramatiq import Middleware

from services.worker import redaction
from services.worker.current_job import current_job
from shared import metrics
from shared.broker.delivery import JobMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Broker, MessageProxy, Worker
    from prometheus_client import Counter, Histogram

    from shared.broker.broker import NightshiftBroker


@dataclass(frozen=True)
class _TaskMetrics:
    """One task's series, looked up once: the look-up costs more than the count."""

    started: Counter
    run_seconds: Histogram


class RunTracking(Middleware):
    """The outermost middleware: its clock covers all that the others do.

    How an attempt ended is counted by the broker, when Redis has it.
    """

    def __init__(self) -> None:
        """Start with no thread running."""
        self._running: dict[int, tuple[str, float]] = {}
        self._series: dict[tuple[str, str], _TaskMetrics] = {}

    def after_declare_actor(self, broker: Broker, actor: Any) -> None:
        """Let every series exist from the start, at 0."""
        self._of(actor.queue_name, actor.actor_name)
        tally = cast("NightshiftBroker", broker).tally
        tally.open_task(actor.queue_name, actor.actor_name)

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Tell how many threads there are, and from now on how many are busy."""
        del broker
        metrics.WORKER_THREADS.set(worker.worker_threads)
        metrics.WORKER_BUSY.set_function(lambda: len(self._running))

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Note that this thread runs the job."""
        del broker
        if not isinstance(message, JobMessage):
            return
        job = message.delivery
        current_job.set(job)
        self._of(job.queue, job.record.task).started.inc()
        job.thread_id = thread_id = threading.get_ident()
        self._running[thread_id] = (job.record.task, time.perf_counter())

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Note that the thread is free, and how long it was not."""
        del broker, result, exception
        if not isinstance(message, JobMessage):
            return
        job = message.delivery
        job.thread_id = None
        _, began = self._running.pop(threading.get_ident())
        seconds = time.perf_counter() - began
        job.run_ms = seconds * 1000
        self._of(job.queue, job.record.task).run_seconds.observe(seconds)
        current_job.set(None)
        redaction.current.set(None)

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """A skipped message ends like any other."""
        self.after_process_message(broker, message)

    def _of(self, queue: str, task: str) -> _TaskMetrics:
        series = self._series.get((queue, task))
        if series is None:
            series = self._series[queue, task] = _TaskMetrics(
                metrics.JOBS_STARTED.labels(queue, task),
                metrics.JOB_RUN_SECONDS.labels(queue, task),
            )
            longest = metrics.JOB_LONGEST_ACTIVE.labels(queue, task)
            longest.set_function(self._longest(task))
        return series

    def _longest(self, task: str) -> Callable[[], float]:
        def seconds() -> float:
            now = time.perf_counter()
            # A copy: threads come and go while a scrape looks.
            runs = list(self._running.values())
            return max((now - began for name, began in runs if name == task), default=0)

        return seconds
