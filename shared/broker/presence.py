"""Which workers are there: each says so every few seconds."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

import msgspec

from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: A worker that has not said so for this long is not there, in milliseconds.
PRESENT_FOR_MS = 15_000


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One worker process; times are epoch milliseconds.

    Attributes:
        name: Unique over all processes; jobs name it as `processedBy`.
        host: Where it runs.
        pid: Its process id there.
        queues: What it takes jobs from.
        tasks: What it can do.
        threads: Jobs that it runs at the same time.
        running: Ids of the jobs that it runs now, with their queues as `queue/id`.
        started: When it started.
        seen: When it last said so.
        version: What it runs.
    """

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    tasks: tuple[str, ...]
    threads: int
    running: tuple[str, ...]
    started: int
    version: str
    seen: int = 0


class Presence:
    """The list of workers of one installation."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep the list through `client`, under `namespace`."""
        self._client = client
        self._seen_key = f"{namespace}:{{workers}}:seen"
        self._info_key = f"{namespace}:{{workers}}:info"

    def now_ms(self) -> int:
        """Return the server's clock."""
        seconds, micros = self._client.time()
        return seconds * 1000 + micros // 1000

    def announce(self, info: WorkerInfo) -> None:
        """Say that a worker is there, and forget those that fell silent.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        with translated_errors():
            now_ms = self.now_ms()
            silent = self._client.zrangebyscore(
                self._seen_key, "-inf", now_ms - PRESENT_FOR_MS, start=0, num=100
            )
            with self._client.pipeline() as pipeline:
                pipeline.zadd(self._seen_key, {info.name: now_ms})
                pipeline.hset(self._info_key, info.name, msgspec.json.encode(info))
                if silent:
                    pipeline.zrem(self._seen_key, *silent)
                    pipeline.hdel(self._info_key, *silent)
                pipeline.execute()

    def leave(self, name: str) -> None:
        """Take a worker off the list."""
        with translated_errors(), self._client.pipeline() as pipeline:
            pipeline.zrem(self._seen_key, name)
            pipeline.hdel(self._info_key, name)
            pipeline.execute()

    def workers(self) -> list[WorkerInfo]:
        """Return the workers that are there, by name."""
        with translated_errors():
            since = self.now_ms() - PRESENT_FOR_MS
            seen = self._client.zrangebyscore(
                self._seen_key, since, "+inf", withscores=True
            )
            if not seen:
                return []
            found = cast("list[tuple[bytes, float]]", seen)
            lines = self._client.hmget(self._info_key, [name for name, _ in found])
        decoder = msgspec.json.Decoder(WorkerInfo)
        workers = [
            msgspec.structs.replace(decoder.decode(line), seen=int(at))
            for line, (_, at) in zip(lines, found, strict=True)
            if line is not None
        ]
        return sorted(workers, key=lambda info: info.name)


def host_name() -> str:
    """Return this machine's name, of letters that may stand in a worker's name."""
    return "".join(c for c in socket.gethostname() if c.isalnum() or c in "-._")[:40]
