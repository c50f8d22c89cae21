"""Remembers answers by their `Idempotency-Key`, in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from services.api.errors import KeyReusedError, StillInFlightError
from shared import ids
from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: How long an answer can be had again.
KEPT_MS = 24 * 3600 * 1000
#: How long a request may hold its key without an answer; longer than any takes.
IN_FLIGHT_MS = 10_000


class Stored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about a key.

    Attributes:
        fingerprint: Digest of the request that came with it first.
        seed: What ids of jobs are made of; the same for every try.
        status: HTTP status of the answer; 0 while there is none.
        location: Its `Location`.
        body: Its body, JSON text.
    """

    fingerprint: str
    seed: str
    status: int = 0
    location: str = ""
    body: msgspec.Raw = msgspec.Raw(b"null")


class Begun(NamedTuple):
    """A key that is ours for now; `stored` may bring the answer already."""

    stored: Stored
    is_first: bool


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Stored)


class IdempotencyStore:
    """One record per key, and a short-lived mark while its request is in flight.

    The record is written before anything else happens and names the seed. Whoever
    tries again after the api was killed half-way makes jobs of the same ids.
    """

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them through `client`, under `namespace`."""
        self._client = client
        self._keys = ApiKeys(namespace)

    def begin(self, key: str, fingerprint: str) -> Begun:
        """Take a key, in one round trip.

        Raises:
            KeyReusedError: It came with another request before.
            StillInFlightError: Its first request is not answered yet.
        """
        record_key, mark_key = self._names(key)
        new = Stored(fingerprint=fingerprint, seed=ids.new_id())
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.set(mark_key, new.seed, nx=True, px=IN_FLIGHT_MS)
            pipeline.set(
                record_key, _ENCODER.encode(new), nx=True, get=True, px=KEPT_MS
            )
            is_ours, found = pipeline.execute()
        stored = _DECODER.decode(cast("bytes", found)) if found else new
        is_other = stored.fingerprint != fingerprint
        if is_ours and (is_other or stored.status):
            self.release(key)
        if is_other:
            raise KeyReusedError
        if not is_ours and not stored.status:
            raise StillInFlightError
        return Begun(stored, is_first=not found)

    def finish(self, key: str, answered: Stored) -> None:
        """Keep the answer."""
        record_key, mark_key = self._names(key)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.set(record_key, _ENCODER.encode(answered), px=KEPT_MS)
            pipeline.delete(mark_key)
            pipeline.execute()

    def release(self, key: str) -> None:
        """Let the next request with this key have its try, from the same seed."""
        with translated_errors():
            self._client.delete(self._names(key)[1])

    def forget(self, key: str) -> None:
        """Let the key be as if it had never come: nothing was done for it."""
        with translated_errors():
            self._client.delete(*self._names(key))

    def _names(self, key: str) -> tuple[str, str]:
        return self._keys.of("idempotency", key), self._keys.of("in-flight", key)
