"""Ends the worker without losing work: finish in time, or hand the job back."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dramatiq import Middleware
from dramatiq.middleware import Shutdown
from dramatiq.threading import raise_thread_exception

from shared import logging

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Broker, Worker

    from shared.broker.broker import NightshiftBroker

#: After the interruption a job has this long to put its things away, in seconds.
INTERRUPTION_S = 2.0
_POLL_S = 0.02

_log = logging.get(__name__)


class GracefulDrain(Middleware):
    """On shutdown, when the broker claims no more: wait, interrupt, then hand back."""

    def __init__(self, *, grace_s: float) -> None:
        """Let running jobs finish for `grace_s` seconds."""
        self._grace_s = grace_s

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Start the drain; Dramatiq waits for its threads meanwhile."""
        del worker
        threading.Thread(
            target=self._drain, args=(broker,), name="graceful-drain", daemon=True
        ).start()

    def _drain(self, broker: NightshiftBroker) -> None:
        _log.info("drain_began", running=len(broker.running()), grace_s=self._grace_s)
        if _eventually(lambda: not broker.running(), within_s=self._grace_s):
            return
        for delivery in broker.running():
            if (thread_id := delivery.thread_id) is not None:
                _log.info("job_interrupted", job_id=delivery.job_id)
                raise_thread_exception(thread_id, Shutdown)
        if _eventually(lambda: not broker.running(), within_s=INTERRUPTION_S):
            return
        # A thread in a system call hears no exception. Its lease goes back anyway;
        # should it wake up, its late outcome is refused by the token.
        _log.warning("jobs_taken_from_threads", count=broker.release_running())


def _eventually(condition: Callable[[], bool], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True
