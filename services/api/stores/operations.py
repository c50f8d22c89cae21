"""Keeps bulk actions in Redis: what was asked for and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: How long a finished operation can be looked at.
KEPT_S = 7 * 86_400
#: How many are listed.
LISTED = 1_000
#: A process that works on an operation says so this often; else another one takes over.
LEASE_MS = 10_000


class Operation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One action on all jobs of a queue that fit a filter; times are epoch ms.

    Attributes:
        id: Its id.
        queue: The queue.
        action: `retry`, `cancel`, `promote`, `clean` or `drain`.
        filter: Which jobs are meant, JSON text.
        dry_run: Whether it only counts.
        limit: Most jobs that it changes; None for all.
        per_second: How many it changes per second; None for as fast as it goes.
        due: When it goes on, for one with a pace.
        state: `pending`, `running`, `done`, `stopped` or `failed`.
        created: When it was asked for.
        finished: When it ended.
        total: Jobs in the states that are meant, when it began.
        looked_at: Jobs looked at.
        matched: Jobs that fit.
        changed: Jobs for which the action was done, or was begun.
        skipped: Jobs that fit but had moved on meanwhile.
        error: Why it failed.
        place: Where it goes on.
    """

    id: str
    queue: str
    action: str
    filter: msgspec.Raw
    dry_run: bool
    created: int
    limit: int | None = None
    per_second: int | None = None
    due: int = 0
    state: str = "running"
    finished: int | None = None
    total: int = 0
    looked_at: int = 0
    matched: int = 0
    changed: int = 0
    skipped: int = 0
    error: str | None = None
    place: tuple[int, str] | None = (0, "")

    @property
    def runs(self) -> bool:
        """Whether there is more to do."""
        return self.state == "running"


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Operation)
_RELEASE = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
)


class OperationStore:
    """One record per operation, a list of them, and a lease for who works on one."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them through `client`, under `namespace`."""
        self._client = client
        self._keys = ApiKeys(namespace)

    def add(self, operation: Operation) -> bool:
        """Keep a new operation; False when there is one of its id already."""
        key = self._keys.of("operation", operation.id)
        index = self._keys.one("operations")
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hsetnx(key, "operation", _ENCODER.encode(operation))
            pipeline.expire(key, KEPT_S)
            pipeline.zadd(index, {operation.id: operation.created}, nx=True)
            pipeline.zremrangebyrank(index, 0, -LISTED - 1)
            return bool(pipeline.execute()[0])

    def save(self, operation: Operation) -> bool:
        """Keep how far it has come; tell whether it is to stop."""
        key = self._keys.of("operation", operation.id)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hset(key, "operation", _ENCODER.encode(operation))
            pipeline.expire(key, KEPT_S)
            pipeline.hexists(key, "stop")
            return bool(pipeline.execute()[2])

    def find(self, operation_id: str) -> Operation | None:
        """Return an operation."""
        key = self._keys.of("operation", operation_id)
        with translated_errors():
            stored = cast("bytes | None", self._client.hget(key, "operation"))
        return _DECODER.decode(stored) if stored else None

    def recent(self, *, limit: int) -> list[Operation]:
        """Return the newest operations, newest first."""
        with translated_errors():
            ids = cast(
                "list[bytes]",
                self._client.zrevrange(self._keys.one("operations"), 0, limit - 1),
            )
            pipeline = self._client.pipeline(transaction=False)
            for operation_id in ids:
                key = self._keys.of("operation", operation_id.decode())
                pipeline.hget(key, "operation")
            stored = pipeline.execute() if ids else []
        return [_DECODER.decode(text) for text in stored if text]

    def ask_to_stop(self, operation_id: str) -> None:
        """Let who works on an operation stop soon."""
        key = self._keys.of("operation", operation_id)
        with translated_errors():
            self._client.hset(key, "stop", "1")

    def is_to_stop(self, operation_id: str) -> bool:
        """Tell whether somebody asked an operation to stop."""
        key = self._keys.of("operation", operation_id)
        with translated_errors():
            return bool(self._client.hexists(key, "stop"))

    def lease(self, operation_id: str, holder: str) -> bool:
        """Take or keep the right to work on an operation."""
        key = self._keys.of("operation-lease", operation_id)
        with translated_errors():
            if self._client.set(key, holder, nx=True, px=LEASE_MS):
                return True
            if self._client.get(key) != holder.encode():
                return False
            return bool(self._client.pexpire(key, LEASE_MS))

    def release(self, operation_id: str, holder: str) -> None:
        """Let others work on an operation."""
        with translated_errors():
            key = self._keys.of("operation-lease", operation_id)
            self._client.eval(_RELEASE, 1, key, holder)

    def now_ms(self) -> int:
        """Return the server's clock."""
        with translated_errors():
            seconds, micros = self._client.time()
        return seconds * 1000 + micros // 1000
