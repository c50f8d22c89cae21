"""The leases that a worker holds, in memory that its guard reads beside it.

Writing is one copy, without a system call and without waiting, so every job can afford
it. Whoever reads may meet a line that is half written; such a line names a lease that
nobody holds, and renewing it does nothing.
"""

from __future__ import annotations

import mmap
import os
import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Leases that are guarded at most; more are held for very short jobs only, if at all.
LINES = 4096
_BEAT = struct.Struct("<d")
#: What a line begins with: the length of its text, 0 for none, and the time.
_START = struct.Struct("<Hd")
_EMPTY = b"\0\0"
_HEAD_BYTES = 64
_LINE_BYTES = 256
_BYTES = _HEAD_BYTES + LINES * _LINE_BYTES


class Entry(NamedTuple):
    """One lease; its job may take until `until_ms` on the monotonic clock."""

    queue: str
    job_id: str
    token: str
    until_ms: float


class LeaseTable:
    """Lines of one lease each, and when the worker last renewed them by itself."""

    def __init__(self, descriptor: int) -> None:
        """Use the memory behind a file descriptor, which stays the caller's."""
        self._memory = mmap.mmap(descriptor, _BYTES)
        # The last in is the first out: few pages are ever touched.
        self._free = list(range(_HEAD_BYTES, _BYTES, _LINE_BYTES))[::-1]

    @staticmethod
    def new_memory() -> int:
        """Return a descriptor of memory for a table; it has no name and no file."""
        descriptor = os.memfd_create("nightshift-leases")
        os.ftruncate(descriptor, _BYTES)
        return descriptor

    def note(self, queue: str, job_id: str, token: str, until_ms: float) -> int | None:
        """Write a lease down; return its line, None when no line is free."""
        text = f"{queue}\n{job_id}\n{token}".encode()
        content = _START.pack(len(text), until_ms) + text
        if not self._free or len(content) > _LINE_BYTES:
            return None
        line = self._free.pop()
        self._memory[line : line + len(content)] = content
        return line

    def forget(self, line: int) -> None:
        """Take a lease out."""
        self._memory[line : line + len(_EMPTY)] = _EMPTY
        self._free.append(line)

    def entries(self) -> Iterator[Entry]:
        """Return the leases that are noted."""
        for line in range(_HEAD_BYTES, _BYTES, _LINE_BYTES):
            length, until_ms = _START.unpack_from(self._memory, line)
            if not length:
                continue
            start = line + _START.size
            text = self._memory[start : start + length]
            queue, _, rest = text.decode(errors="replace").partition("\n")
            job_id, line_feed, token = rest.partition("\n")
            if line_feed:
                yield Entry(queue, job_id, token, until_ms)

    def beat(self, now_ms: float) -> None:
        """Say that the worker renewed its leases by itself."""
        _BEAT.pack_into(self._memory, 0, now_ms)

    @property
    def last_beat_ms(self) -> float:
        """When it last did, on the monotonic clock."""
        at: float = _BEAT.unpack_from(self._memory, 0)[0]
        return at

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
