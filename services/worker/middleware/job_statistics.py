"""Counts how jobs end, per day and task, for the weekly report."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from dramatiq import Middleware

from shared import clock, logging
from shared.broker.job_totals import SLOWEST, DayTotals, TaskTotals, day_of
from shared.broker.orders import Completion, FailureOrder, RetryOrder
from shared.errors import BrokerError

if TYPE_CHECKING:
    from dramatiq import Broker, Worker

    from shared.broker.broker import NightshiftBroker
    from shared.broker.delivery import Delivery
    from shared.broker.job_totals import JobTotals
    from shared.broker.orders import Order

#: Time between two writes, in seconds: one round trip for all jobs in between.
FLUSH_S = 2.0
_ENDINGS = {Completion: "completed", FailureOrder: "failed", RetryOrder: "retried"}
#: Days that are kept while Redis is away; more would be forgotten.
_MOST_DAYS = 3

_log = logging.get(__name__)


class JobStatistics(Middleware):
    """Gathers in memory and writes every now and then; it never delays a job.

    It counts what the broker's tally counts: attempts whose end Redis has taken. A
    late worker, whose lease is lost, is in neither.
    """

    def __init__(self, totals: JobTotals) -> None:
        """Write to `totals`."""
        self._totals = totals
        self._lock = threading.Lock()
        self._days: dict[str, DayTotals] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begin to listen and to write."""
        del worker
        cast("NightshiftBroker", broker).tally.listeners.append(self.settled)
        self._stopping.clear()
        self._thread = threading.Thread(
            target=self._write_now_and_then, name="job-statistics", daemon=True
        )
        self._thread.start()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Write what is left."""
        del broker, worker
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def settled(self, order: Order, job: Delivery) -> None:
        """Count how an attempt ended."""
        ending = _ENDINGS.get(type(order))
        if ending is None:
            return
        task = f"{job.queue}/{job.record.task}"
        run_ms = job.run_ms or 0.0
        with self._lock:
            day = self._days.setdefault(day_of(clock.now_ms()), DayTotals())
            totals = day.tasks.setdefault(task, TaskTotals())
            setattr(totals, ending, getattr(totals, ending) + 1)
            totals.attempts += 1
            totals.run_ms += round(run_ms)
            _note_slow(day.slowest, f"{task}/{job.job_id}", run_ms)
        if self._stopping.is_set():
            # The worker's last outcomes are committed after its threads have ended.
            self.flush()

    def flush(self) -> None:
        """Write what was counted; it is kept when Redis is away."""
        with self._lock:
            days, self._days = self._days, {}
        if not days:
            return
        try:
            self._totals.add(days)
        except BrokerError as error:
            _log.warning("statistics_not_written", reason=str(error))
            self._take_back(days)

    def _take_back(self, days: dict[str, DayTotals]) -> None:
        with self._lock:
            for name in sorted(days)[-_MOST_DAYS:]:
                day = self._days.setdefault(name, DayTotals())
                for task, totals in days[name].tasks.items():
                    day.tasks.setdefault(task, TaskTotals()).add(totals)
                for job, run_ms in days[name].slowest.items():
                    _note_slow(day.slowest, job, run_ms)

    def _write_now_and_then(self) -> None:
        while not self._stopping.wait(FLUSH_S):
            self.flush()


def _note_slow(slowest: dict[str, float], job: str, run_ms: float) -> None:
    if len(slowest) < SLOWEST or run_ms > slowest.get(job, 0):
        slowest[job] = max(run_ms, slowest.get(job, 0))
    if len(slowest) > 2 * SLOWEST:
        for faster in sorted(slowest, key=slowest.__getitem__)[:SLOWEST]:
            del slowest[faster]
