"""Keeps how many jobs may wait in each queue, in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis


class QuotaStore:
    """One number per queue that has a quota."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them through `client`, under `namespace`."""
        self._client = client
        self._key = ApiKeys(namespace).one("quotas")

    def all(self) -> dict[str, int]:
        """Return the quotas by queue."""
        with translated_errors():
            found = cast("dict[bytes, bytes]", self._client.hgetall(self._key))
        return {queue.decode(): int(number) for queue, number in found.items()}

    def set(self, queue: str, quota: int | None) -> None:
        """Set a queue's quota; None takes it away."""
        with translated_errors():
            if quota is None:
                self._client.hdel(self._key, queue)
            else:
                self._client.hset(self._key, queue, quota)
