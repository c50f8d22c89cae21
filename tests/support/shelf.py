"""A worker's memory without Redis; test_task_memory.py keeps it true."""

from __future__ import annotations

import math
import time

from services.worker.memory import LONGEST_TURN_MS


class Shelf:
    """Keeps values in this process, for as long as they were to be kept."""

    def __init__(self) -> None:
        """Begin empty."""
        self._values: dict[str, tuple[float, bytes]] = {}
        self._lists: dict[str, list[bytes]] = {}
        self._lines: dict[str, float] = {}

    def get(self, name: str) -> bytes | None:
        """Return what was put, or None."""
        until, value = self._values.get(name, (0.0, b""))
        return value if until > time.monotonic() else None

    def put(self, name: str, value: bytes, *, ttl_ms: int) -> None:
        """Keep `value` for `ttl_ms` milliseconds."""
        self._values[name] = (time.monotonic() + ttl_ms / 1000, value)

    def add(self, name: str, value: bytes, *, ttl_ms: int) -> bool:
        """Keep `value` unless there is one; True means that it is kept."""
        if self.get(name) is not None:
            return False
        self.put(name, value, ttl_ms=ttl_ms)
        return True

    def remaining_ms(self, name: str) -> int:
        """Return for how long a value is still kept, in milliseconds; 0 for none."""
        until = self._values.get(name, (0.0, b""))[0]
        return max(0, math.ceil((until - time.monotonic()) * 1000))

    def count(self, name: str, *, ttl_ms: int) -> int:
        """Add 1 to a counter, keep it for `ttl_ms` from now, and return it."""
        number = int(self.get(name) or b"0") + 1
        self.put(name, str(number).encode(), ttl_ms=ttl_ms)
        return number

    def forget(self, *names: str) -> None:
        """Keep these no longer."""
        for name in names:
            self._values.pop(name, None)
            self._lists.pop(name, None)

    def note(self, name: str, line: bytes, *, keep: int, ttl_ms: int) -> None:
        """Put a line in front of a list of which the first `keep` are kept."""
        assert ttl_ms > 0
        self._lists[name] = [line, *self._lists.get(name, [])][:keep]

    def notes(self, name: str) -> list[bytes]:
        """Return the lines of a list, newest first."""
        return list(self._lists.get(name, []))

    def take_turn(self, name: str, *, interval_ms: float, burst: int) -> int:
        """Take the next free turn of a line and return the wait, in milliseconds."""
        now = time.monotonic() * 1000
        free = max(self._lines.get(name, 0.0), now)
        wait = max(0, math.ceil(free - (burst - 1) * interval_ms - now))
        if wait <= LONGEST_TURN_MS:
            self._lines[name] = free + interval_ms
        return wait
