"""How many jobs ended per minute, from the queues' own totals.

A thread of each api process writes the totals down once a minute; whoever comes first
is right, the others change nothing. So a minute without an api is the only gap.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shared import logging
from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

#: Minutes that are shown.
SHOWN = 60
#: How long a minute's totals are kept, in seconds.
KEPT_S = 2 * 3600
_MINUTE_MS = 60_000
#: How often the thread looks; a minute is never missed.
_STEP_S = 15.0

_log = logging.get(__name__)


@dataclass(frozen=True)
class Pace:
    """Jobs of one queue that ended, per minute, oldest first; None where nobody knows.

    Attributes:
        done: Jobs that completed.
        failed: Jobs that failed for good.
    """

    done: tuple[int | None, ...]
    failed: tuple[int | None, ...]

    def total(self, minutes: int = SHOWN) -> tuple[int, int]:
        """Return what completed and what failed within the last minutes."""
        return _sum(self.done[-minutes:]), _sum(self.failed[-minutes:])

    def before(self, minutes: int) -> tuple[int, int]:
        """Return what completed and what failed before the last minutes."""
        return _sum(self.done[:-minutes]), _sum(self.failed[:-minutes])


class PaceStore:
    """Writes the totals down and reads what follows from them."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them under `namespace`."""
        self._client = client
        self._namespace = namespace
        self._keys = ApiKeys(namespace)

    def now_ms(self) -> int:
        """Return the server's clock."""
        with translated_errors():
            seconds, micros = self._client.time()
        return seconds * 1000 + micros // 1000

    def note(self, queues: Sequence[str]) -> None:
        """Write down the totals of the present minute, unless that was done."""
        key = self._minute(self.now_ms() // _MINUTE_MS)
        totals = self._totals(queues)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for queue, (done, failed) in totals.items():
                pipeline.hsetnx(key, queue, f"{done} {failed}")
            pipeline.expire(key, KEPT_S)
            pipeline.execute()

    def read(self, queues: Sequence[str]) -> dict[str, Pace]:
        """Return what ended in the last SHOWN minutes; the last one is under way."""
        last = self.now_ms() // _MINUTE_MS
        minutes = range(last - SHOWN + 1, last + 1)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for minute in minutes:
                pipeline.hgetall(self._minute(minute))
            stored = cast("list[dict[bytes, bytes]]", pipeline.execute())
        now = self._totals(queues)
        return {queue: _pace(queue.encode(), stored, now[queue]) for queue in queues}

    def _totals(self, queues: Sequence[str]) -> dict[str, tuple[int, int]]:
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for queue in queues:
                key = QueueKeys(self._namespace, queue).one("meta")
                pipeline.hmget(key, ["completed", "failed"])
            found = pipeline.execute(raise_on_error=False)
        return {
            queue: (0, 0) if isinstance(reply, Exception) else _numbers(reply)
            for queue, reply in zip(queues, found, strict=True)
        }

    def _minute(self, minute: int) -> str:
        return self._keys.of("pace", str(minute))


class PaceKeeper:
    """The thread; it starts with the first request and ends with the application."""

    def __init__(self, store: PaceStore, queues: Sequence[str]) -> None:
        """Note the totals of `queues`."""
        self._store = store
        self._queues = tuple(queues)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start, unless it runs; called with every request."""
        if self._thread is not None:
            return
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                self._thread = threading.Thread(
                    target=self._run, name="pace-keeper", daemon=True
                )
                self._thread.start()

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            try:
                self._store.note(self._queues)
            except BrokerError as error:
                _log.warning("pace_not_noted", reason=str(error))
            if self._stopping.wait(_STEP_S):
                return


def _pace(
    queue: bytes, stored: Sequence[Mapping[bytes, bytes]], now: tuple[int, int]
) -> Pace:
    """Return the differences between totals at the minutes' beginnings."""
    marks = [
        None if queue not in minute else _numbers(minute[queue].split())
        for minute in stored
    ]
    done: list[int | None] = []
    failed: list[int | None] = []
    for begin, end in zip(marks, [*marks[1:], now], strict=True):
        known = begin is not None and end is not None
        # A Redis that lost its data begins again at 0: then the end is all there is.
        done.append(_grown(begin[0], end[0]) if begin and end and known else None)
        failed.append(_grown(begin[1], end[1]) if begin and end and known else None)
    return Pace(tuple(done), tuple(failed))


def _grown(begin: int, end: int) -> int:
    return end - begin if end >= begin else end


def _numbers(reply: Sequence[bytes | None]) -> tuple[int, int]:
    done, failed = (int(value or 0) for value in reply)
    return done, failed


def _sum(numbers: Sequence[int | None]) -> int:
    return sum(number or 0 for number in numbers)
