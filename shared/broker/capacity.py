"""How many jobs this process may hold: enough to stay busy, no more.

A queue of long jobs gets as many as there are threads. A queue of short jobs is claimed
ahead, a batch at a time, so that no thread waits for a round trip between two of them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from shared import clock

#: Work that is claimed ahead lasts about this long per thread.
AHEAD_MS = 20.0
#: And never exceeds this many jobs.
MAX_AHEAD = 512
#: Jobs that take longer than this on average are not claimed ahead.
SHORT_JOB_MS = 10.0
#: After this long without a finished job, jobs claimed ahead are stuck.
STUCK_MS = 100.0
#: Weight of the newest run in the average.
_WEIGHT = 0.1


@dataclass(slots=True)
class _Load:
    """One queue's jobs in this process."""

    held: int = 0
    mean_run_ms: float | None = None
    last_settled_ms: float = 0.0

    def ahead(self, threads: int) -> int:
        """Return how many jobs may be held beyond one per thread."""
        mean = self.mean_run_ms
        if mean is None or mean > SHORT_JOB_MS:
            return 0
        return min(MAX_AHEAD, int(AHEAD_MS / max(mean, 0.01)) * threads)


class Capacity:
    """The room for jobs in this process; all methods are thread-safe."""

    def __init__(self, threads: int) -> None:
        """Start with `threads` free threads."""
        self.threads = threads
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._loads: dict[str, _Load] = {}
        self._waiting = 0

    def wait_for_room(self, queue: str, *, timeout_s: float) -> int:
        """Return how many jobs `queue` may claim, waiting up to `timeout_s` for one."""
        with self._room:
            room = self._room_of(queue)
            if room > 0:
                return room
            self._waiting += 1
            try:
                self._room.wait_for(lambda: self._room_of(queue) > 0, timeout=timeout_s)
            finally:
                self._waiting -= 1
            return max(0, self._room_of(queue))

    def room(self, queue: str) -> int:
        """Return how many jobs `queue` may claim now; 0 for none."""
        with self._lock:
            return max(0, self._room_of(queue))

    def hold(self, queue: str, count: int) -> None:
        """Note that `count` jobs came."""
        with self._lock:
            load = self._load(queue)
            if load.held == 0:
                load.last_settled_ms = clock.monotonic_ms()
            load.held += count

    def settle(self, queue: str, *, run_ms: float | None) -> None:
        """Note that a job went, after `run_ms` in task code (None: it never ran)."""
        with self._lock:
            load = self._load(queue)
            load.held -= 1
            load.last_settled_ms = clock.monotonic_ms()
            if run_ms is not None:
                mean = load.mean_run_ms
                load.mean_run_ms = (
                    run_ms if mean is None else mean + (run_ms - mean) * _WEIGHT
                )
            if self._waiting and self._room_of(queue) > 0:
                self._room.notify_all()

    def is_stuck(self, queue: str) -> bool:
        """Whether jobs claimed ahead wait behind long ones; then none is any more."""
        with self._room:
            load = self._load(queue)
            idle_ms = clock.monotonic_ms() - load.last_settled_ms
            if load.held <= self.threads or idle_ms < STUCK_MS:
                return False
            load.mean_run_ms = max(load.mean_run_ms or 0.0, idle_ms)
            return True

    def _load(self, queue: str) -> _Load:
        return self._loads.setdefault(queue, _Load())

    def _room_of(self, queue: str) -> int:
        load = self._load(queue)
        ahead = load.ahead(self.threads)
        if ahead:
            # Refilling only from the half down makes batches of what comes and goes.
            room = self.threads + ahead - load.held
            return room if load.held <= self.threads + ahead // 2 else 0
        long_jobs = sum(
            other.held
            for other in self._loads.values()
            if not other.ahead(self.threads)
        )
        return self.threads - long_jobs
