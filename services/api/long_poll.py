"""Waiting for a job's end inside a request."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import RedisUnavailableError

if TYPE_CHECKING:
    import threading

    from services.api.event_hub import EventHub
    from shared.broker.inspector import Inspector
    from shared.jobs.job import Job

#: Longest wait, in seconds; below the idle limit of common proxies.
MAX_WAIT_S = 25
#: Without any event, a waiter looks at its job this often: an event can be lost with
#: a Redis that forgets, or be late in a flood of others.
LOOK_AGAIN_S = 5.0
#: Pause between two looks while Redis does not answer.
OUTAGE_PAUSE_S = 0.5


@dataclass(frozen=True)
class Polled:
    """What a wait brought.

    Attributes:
        job: The job as it is now, None when there is none.
        is_early: Whether the wait ended before its time, for want of room.
    """

    job: Job | None
    is_early: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to the job by itself."""
        return self.job is None or self.job.state.is_final


class LongPolls:
    """Lets a limited number of requests wait at a time."""

    def __init__(
        self, hub: EventHub, inspector: Inspector, *, room: threading.Semaphore
    ) -> None:
        """Let as many requests wait as there is room, woken by `hub`."""
        self._hub = hub
        self._inspector = inspector
        self._room = room

    def job(self, queue: str, job_id: str, *, wait_s: float) -> Polled:
        """Return the job as soon as it has ended, or as it is after `wait_s` seconds.

        Raises:
            RedisUnavailableError: When Redis does not answer at the beginning, or does
                not answer any more when the time is over.
        """
        now = Polled(self._inspector.job(queue, job_id))
        if not wait_s or now.has_ended:
            return now
        if not self._room.acquire(blocking=False):
            return Polled(now.job, is_early=True)
        try:
            return self._wait(queue, job_id, until=time.monotonic() + wait_s)
        finally:
            self._room.release()

    def _wait(self, queue: str, job_id: str, *, until: float) -> Polled:
        with self._hub.waiter(queue, job_id) as hint:
            while True:
                # Cleared before the look: a hint that comes during it counts.
                hint.clear()
                left_s = until - time.monotonic()
                try:
                    polled = Polled(self._inspector.job(queue, job_id))
                except RedisUnavailableError:
                    # The caller waits anyway: an outage that ends in time is none of
                    # its business.
                    if left_s <= 0 or self._hub.is_stopping:
                        raise
                    hint.wait(min(left_s, OUTAGE_PAUSE_S))
                    continue
                if polled.has_ended or left_s <= 0:
                    return polled
                if self._hub.is_stopping:
                    return Polled(polled.job, is_early=True)
                hint.wait(min(left_s, LOOK_AGAIN_S))
