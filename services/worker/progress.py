"""Reports progress as often as people can see it, however often a task does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.worker.context import Reporter

#: Time between two reports that travel to Redis, in seconds.
INTERVAL_S = 0.1


class ThrottledReporter:
    """Lets the first report through at once, and of those that follow the newest.

    The newest goes on its way when the time between two reports is over, whether or not
    the task says anything more; `close` sends it at the latest.
    """

    def __init__(self, reporter: Reporter) -> None:
        """Hand on to `reporter`."""
        self._reporter = reporter
        self._lock = threading.Lock()
        self._due_s = 0.0
        self._newest: bytes | None = None
        self._timer: threading.Timer | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""
        return self._reporter.is_cancelled

    def progress(self, progress: bytes) -> None:
        """Take the job's progress, JSON text."""
        with self._lock:
            self._newest = progress
            if self._timer is not None:
                return
            wait_s = self._due_s - time.monotonic()
            if wait_s <= 0:
                self._send()
                return
            self._timer = threading.Timer(wait_s, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Take log lines; each is worth its way."""
        self._reporter.add_log(lines, operation=operation)

    def close(self) -> None:
        """Send what waits; the job is about to end."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._send()

    def _on_time(self) -> None:
        with self._lock:
            # It may have been closed while this waited for the lock.
            if self._timer is not None:
                self._timer = None
                self._send()

    def _send(self) -> None:
        # With the lock held, so that an older report never overtakes a newer one.
        if self._newest is not None:
            progress, self._newest = self._newest, None
            self._reporter.progress(progress)
            self._due_s = time.monotonic() + INTERVAL_S
