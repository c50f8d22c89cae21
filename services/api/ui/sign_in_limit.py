"""How often an address may try to sign in."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: Failed attempts that one address has within WINDOW_S.
ATTEMPTS = 10
WINDOW_S = 60


class SignInLimit:
    """Counts failed attempts per address; a good token does not count."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Count under `namespace`."""
        self._client = client
        self._keys = ApiKeys(namespace)

    def wait_s(self, address: str) -> int:
        """Return how long an address has to wait, in seconds; 0 when it need not."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.get(self._key(address))
            pipeline.ttl(self._key(address))
            count, left_s = cast("tuple[bytes | None, int]", pipeline.execute())
        return max(left_s, 1) if int(count or 0) >= ATTEMPTS else 0

    def failed(self, address: str) -> None:
        """Count a failed attempt."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.incr(self._key(address))
            pipeline.expire(self._key(address), WINDOW_S, nx=True)
            pipeline.execute()

    def _key(self, address: str) -> str:
        return self._keys.of(
            "ui-attempts", hashlib.sha256(address.encode()).hexdigest()[:32]
        )
