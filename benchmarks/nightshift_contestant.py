"""Our broker with the worker's own middleware and full tracking."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dramatiq import Worker
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, TimeLimit

from benchmarks.measure import TEXT, WORKER_THREADS
from services.worker.binding import Binder
from services.worker.middleware.backoff_retries import BackoffRetries
from services.worker.middleware.run_tracking import RunTracking
from services.worker.settings import WorkerSettings
from shared.broker.broker import NightshiftBroker
from shared.broker.connection import connect
from shared.broker.producer import Producer, Request
from shared.contracts.contract import Model, TaskContract
from shared.jobs.options import JobOptions
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from services.worker.context import JobContext


class Text(Model):
    """The data of a no-op job."""

    text: str


class Nothing(Model):
    """The result of a no-op job."""


NOOP = TaskContract(
    name="noop", queue="bench", summary="Does nothing.", data=Text, result=Nothing
)


class NightshiftContestant:
    """Nightshift."""

    def __init__(self, url: str, folder: Path) -> None:
        """Work on the server at `url`; `folder` takes files that nobody writes."""
        self.client = connect(url)
        self._producer = Producer(self.client, namespace="bench")
        data = Text(text=TEXT).dump()
        self._request = Request(NOOP.queue, NOOP.name, data, JobOptions())
        self._broker = NightshiftBroker(
            self.client,
            namespace="bench",
            catalogue={NOOP.name: NOOP},
            middleware=[
                RunTracking(),
                CurrentMessage(),
                TimeLimit(interval=250),
                Callbacks(),
                Pipelines(),
                BackoffRetries(),
            ],
        )
        binder = Binder(
            self._broker,
            settings=WorkerSettings(redis_url=url),
            storage=Storage(folder, max_bytes=1),
        )
        binder.bind(NOOP, self._run)
        self._broker.emit_after("process_boot")
        self._worker = Worker(self._broker, worker_threads=WORKER_THREADS)
        self._ran = threading.Event()
        self._ran_at = 0.0

    def enqueue(self) -> None:
        """Create one no-op job."""
        self._producer.enqueue(self._request)

    def enqueue_many(self, jobs: int) -> None:
        """Create no-op jobs, many in one round trip."""
        self._producer.enqueue_many([self._request] * jobs)

    def start_worker(self) -> None:
        """Start one worker."""
        self._worker.start()

    def wait_until_done(self, jobs: int) -> None:
        """Return when all jobs are completed in Redis, not only run."""
        del jobs
        self._broker.join(NOOP.queue)

    def pickup_ms(self) -> float:
        """Create one job and time it until its code runs."""
        self._ran.clear()
        began = time.perf_counter()
        self.enqueue()
        self._ran.wait()
        return (self._ran_at - began) * 1000

    def stop(self) -> None:
        """Stop the worker."""
        self._worker.stop()
        self._broker.close()

    def _run(self, data: Text, context: JobContext) -> Nothing:
        del data, context
        self._ran_at = time.perf_counter()
        self._ran.set()
        return Nothing()
