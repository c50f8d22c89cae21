"""Threads that create jobs through an outage, and remember what was acknowledged."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from shared import ids
from shared.broker.producer import Request
from shared.errors import BrokerError
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.broker.producer import Producer

#: Pause after a refusal, in seconds.
_PAUSE_S = 0.05
_PATIENCE_S = 120.0


class PersistentProducer:
    """Creates job after job while the block lasts, and sends each until it is accepted.

    As the documentation asks: again with the same id, whatever the error was.
    """

    def __init__(
        self, producer: Producer, queues: Sequence[str], *, task: str, threads: int = 4
    ) -> None:
        """Prepare; each thread takes the queues in turn."""
        self._producer = producer
        self._queues = queues
        self._task = task
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(threads)
        ]
        self._lock = threading.Lock()
        self._acknowledged: list[str] = []
        self.refusals: list[str] = []

    @property
    def acknowledged(self) -> list[str]:
        """The ids of the jobs that were accepted so far, as `queue/id`."""
        with self._lock:
            return list(self._acknowledged)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            queue = self._queues[number % len(self._queues)]
            number += 1
            wish = JobOptions(job_id=ids.new_id())
            request = Request(queue, self._task, b"{}", wish)
            if self._send(request):
                with self._lock:
                    self._acknowledged.append(f"{queue}/{wish.job_id}")

    def _send(self, request: Request) -> bool:
        while True:
            try:
                self._producer.enqueue(request)
            except BrokerError as error:
                with self._lock:
                    self.refusals.append(str(error))
                if self._stopping.wait(_PAUSE_S):
                    return False
            else:
                return True
