"""Who fires: the holder of a lease in Redis, fenced by a token that only grows."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from shared import clock, ids, metrics

if TYPE_CHECKING:
    from services.scheduler.lease_store import LeaseStore
    from services.scheduler.server_clock import ServerClock

#: How long the lease holds without being renewed. With the standby's pace it bounds
#: a takeover: 6 s + 1 s, and one slow call to Redis on top stays below 10 s.
LEASE_MS = 6_000
#: How often the leader renews it.
RENEW_MS = 2_000
#: How often a standby asks for it.
STANDBY_MS = 1_000


def own_name() -> str:
    """Return a name that no other scheduler has, now or later."""
    return f"{socket.gethostname()}.{os.getpid()}.{ids.new_id()}"


class Leader:
    """This scheduler's share in the leadership.

    The lease only keeps several schedulers from doing the same work. That a slot
    becomes one job rests on the job's id, and that the ledger is written once on the
    token: both hold while two believe to lead.
    """

    def __init__(
        self,
        store: LeaseStore,
        *,
        server_clock: ServerClock,
        name: str | None = None,
        lease_ms: int = LEASE_MS,
    ) -> None:
        """Ask for the lease in `store` as `name`; every answer sets the clock."""
        self._store = store
        self._clock = server_clock
        self._name = name or own_name()
        self._lease_ms = lease_ms
        self._token = 0
        self._renewed_at = 0.0
        self.retry_after_ms = STANDBY_MS
        #: How often this scheduler has asked for the lease, rather than renewed it.
        self.term = 0

    @property
    def mark(self) -> str:
        """What the lease holds while it is ours; it fences what the leader writes."""
        return f"{self._token}:{self._name}"

    @property
    def is_held(self) -> bool:
        """Whether the lease is ours as far as can be known without asking."""
        age_ms = clock.monotonic_ms() - self._renewed_at
        return self._token > 0 and age_ms < self._lease_ms

    @property
    def is_fresh(self) -> bool:
        """Whether the lease is ours and need not be renewed yet."""
        return self.is_held and clock.monotonic_ms() - self._renewed_at < RENEW_MS

    def keep(self) -> bool:
        """Renew the lease, or take it when it is free; return whether it is ours.

        Raises:
            RedisUnavailableError: When Redis did not answer.
        """
        if not self.is_held:
            # Whoever leads by now, nothing is known until Redis has answered.
            self.lose()
        asked_at = clock.monotonic_ms()
        if not (self._token and self._renew()) and not self._acquire():
            self.lose()
            return False
        # From before the question: Redis counts from when it got it, which is later.
        self._renewed_at = asked_at
        metrics.SCHEDULER_LEADER.set(1)
        return True

    def lose(self) -> None:
        """Take note that the lease is another's."""
        self._token = 0
        metrics.SCHEDULER_LEADER.set(0)

    def release(self) -> None:
        """Give the lease back, if it is ours.

        Raises:
            RedisUnavailableError: When Redis did not answer; the lease then expires.
        """
        mark, held = self.mark, self._token > 0
        self.lose()
        if held:
            self._store.release(mark)

    def _renew(self) -> bool:
        answer = self._store.renew(self.mark, lease_ms=self._lease_ms)
        self._clock.saw(answer.now_ms)
        return answer.held

    def _acquire(self) -> bool:
        answer = self._store.acquire(self._name, lease_ms=self._lease_ms)
        self._clock.saw(answer.now_ms)
        self._token = answer.token
        self.term += 1
        self.retry_after_ms = min(STANDBY_MS, answer.remaining_ms + 1)
        return answer.token > 0
