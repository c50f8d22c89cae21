"""Dramatiq's own Redis broker with its default middleware: no state, no results."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import dramatiq
import redis
from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from benchmarks.measure import TEXT, WORKER_THREADS

if TYPE_CHECKING:
    from pathlib import Path


class StockContestant:
    """Dramatiq on Redis as it comes."""

    def __init__(self, url: str, folder: Path) -> None:
        """Work on the server at `url`."""
        del folder
        self.client = redis.Redis.from_url(url)
        broker = RedisBroker(client=redis.Redis.from_url(url))
        self._broker = broker
        self._ran = threading.Event()
        self._ran_at = 0.0

        @dramatiq.actor(queue_name="bench", broker=broker)
        def noop(text: str) -> None:
            del text
            self._ran_at = time.perf_counter()
            self._ran.set()

        self._noop = noop
        broker.emit_after("process_boot")
        self._worker = Worker(broker, worker_threads=WORKER_THREADS)

    def enqueue(self) -> None:
        """Create one no-op job."""
        self._noop.send(TEXT)

    def start_worker(self) -> None:
        """Start one worker."""
        self._worker.start()

    def wait_until_done(self, jobs: int) -> None:
        """Return when the queue is empty and every message is acknowledged."""
        del jobs
        self._broker.join("bench")
        self._worker.join()

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
