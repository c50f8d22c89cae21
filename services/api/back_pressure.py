"""Refuses jobs before Redis has to."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from services.api.errors import QuotaReachedError
from services.api.stores import memory
from shared.errors import RedisFullError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    import redis

    from services.api.stores.quotas import QuotaStore
    from shared.broker.inspector import Inspector

#: How old the numbers may be by which requests are refused, in seconds.
FRESH_S = 0.5


class BackPressure:
    """Looks at queues and memory now and then, not at every request.

    So a quota may be exceeded by what comes in within FRESH_S.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        quotas: QuotaStore,
        inspector: Inspector,
        watermark: float,
    ) -> None:
        """Refuse jobs beyond the quotas, and above a share of Redis's memory.

        Args:
            client: Asks Redis for its memory.
            quotas: Most waiting jobs, by queue.
            inspector: Counts them.
            watermark: Share of the memory limit; 0 turns the check off.
        """
        self._client = client
        self._quotas = quotas
        self._inspector = inspector
        self._watermark = watermark
        self._lock = threading.Lock()
        self._until = 0.0
        self._full: frozenset[str] = frozenset()
        self._memory_is_short = False

    @property
    def memory_is_short(self) -> bool:
        """Whether Redis was nearly full at the last look."""
        return self._memory_is_short

    def check(self, queue: str) -> None:
        """Refuse a job when there is no room for it.

        Raises:
            QuotaReachedError: The queue holds as many jobs as it may.
            RedisFullError: Redis is nearly full.
            RedisUnavailableError: Redis does not answer.
        """
        if time.monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        if self._memory_is_short:
            message = "Redis is nearly full."
            raise RedisFullError(message)
        if queue in self._full:
            raise QuotaReachedError(
                f"The queue {queue} holds as many waiting jobs as it may; "
                "try again when some have been done."
            )

    def _look(self) -> None:
        if self._watermark:
            self._memory_is_short = memory.used_share(self._client) >= self._watermark
        quotas = self._quotas.all()
        stats = self._inspector.stats_of(tuple(quotas)) if quotas else {}
        self._full = frozenset(
            queue
            for queue, found in stats.items()
            if found.counts[JobState.WAITING] + found.counts[JobState.DELAYED]
            >= quotas[queue]
        )
        self._until = time.monotonic() + FRESH_S
