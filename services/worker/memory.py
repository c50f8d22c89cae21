"""What tasks remember from one job to the next, in Redis, for a limited time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: Longest wait for which a turn in a line is kept, in milliseconds.
LONGEST_TURN_MS = 3_600_000

_TAKE_TURN = Path(__file__).parent / "lua" / "take_turn.lua"


class Memory(Protocol):
    """Small values under a name, each for a limited time.

    Every method raises a BrokerError when Redis can't do what was asked.
    """

    def get(self, name: str) -> bytes | None:
        """Return what was put, or None."""

    def put(self, name: str, value: bytes, *, ttl_ms: int) -> None:
        """Keep `value` for `ttl_ms` milliseconds."""

    def add(self, name: str, value: bytes, *, ttl_ms: int) -> bool:
        """Keep `value` unless there is one; True means that it is kept."""

    def remaining_ms(self, name: str) -> int:
        """Return for how long a value is still kept, in milliseconds; 0 for none."""

    def count(self, name: str, *, ttl_ms: int) -> int:
        """Add 1 to a counter, keep it for `ttl_ms` from now, and return it."""

    def forget(self, *names: str) -> None:
        """Keep these no longer."""

    def note(self, name: str, line: bytes, *, keep: int, ttl_ms: int) -> None:
        """Put a line in front of a list of which the first `keep` are kept."""

    def notes(self, name: str) -> list[bytes]:
        """Return the lines of a list, newest first."""

    def take_turn(self, name: str, *, interval_ms: float, burst: int) -> int:
        """Take the next free turn of a line and return the wait, in milliseconds.

        A wait above LONGEST_TURN_MS means that no turn was kept: ask again then.
        """


def prefix(namespace: str) -> str:
    """Return what every key of the memory begins with."""
    return f"{namespace}:memory:"


class RedisMemory:
    """The memory that all workers of an installation share."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep everything below `<namespace>:memory:`."""
        self._client = client
        self._prefix = prefix(namespace)
        self._script = client.register_script(_TAKE_TURN.read_text(encoding="utf-8"))

    def get(self, name: str) -> bytes | None:
        """Return what was put, or None."""
        with translated_errors():
            return cast("bytes | None", self._client.get(self._key(name)))

    def put(self, name: str, value: bytes, *, ttl_ms: int) -> None:
        """Keep `value` for `ttl_ms` milliseconds."""
        with translated_errors():
            self._client.set(self._key(name), value, px=ttl_ms)

    def add(self, name: str, value: bytes, *, ttl_ms: int) -> bool:
        """Keep `value` unless there is one; True means that it is kept."""
        with translated_errors():
            return bool(self._client.set(self._key(name), value, px=ttl_ms, nx=True))

    def remaining_ms(self, name: str) -> int:
        """Return for how long a value is still kept, in milliseconds; 0 for none."""
        with translated_errors():
            return max(0, self._client.pttl(self._key(name)))

    def count(self, name: str, *, ttl_ms: int) -> int:
        """Add 1 to a counter, keep it for `ttl_ms` from now, and return it."""
        key = self._key(name)
        with translated_errors(), self._client.pipeline(transaction=True) as both:
            both.incr(key)
            both.pexpire(key, ttl_ms)
            return int(both.execute()[0])

    def forget(self, *names: str) -> None:
        """Keep these no longer."""
        with translated_errors():
            for name in names:
                self._client.delete(self._key(name))

    def note(self, name: str, line: bytes, *, keep: int, ttl_ms: int) -> None:
        """Put a line in front of a list of which the first `keep` are kept."""
        key = self._key(name)
        with translated_errors(), self._client.pipeline(transaction=True) as all_three:
            all_three.lpush(key, line)
            all_three.ltrim(key, 0, keep - 1)
            all_three.pexpire(key, ttl_ms)
            all_three.execute()

    def notes(self, name: str) -> list[bytes]:
        """Return the lines of a list, newest first."""
        with translated_errors():
            return cast("list[bytes]", self._client.lrange(self._key(name), 0, -1))

    def take_turn(self, name: str, *, interval_ms: float, burst: int) -> int:
        """Take the next free turn of a line and return the wait, in milliseconds."""
        with translated_errors():
            wait = self._script(
                keys=[self._key(name)], args=[interval_ms, burst, LONGEST_TURN_MS]
            )
        return int(cast("int", wait))

    def _key(self, name: str) -> str:
        return self._prefix + name
