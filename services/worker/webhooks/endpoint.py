"""What is remembered about one receiver: its last deliveries, and that it is gone."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from shared.errors import BrokerError

if TYPE_CHECKING:
    from services.worker.memory import Memory

#: Deliveries that are remembered per address, and for how long, in milliseconds.
LOG_LENGTH, LOG_MS = 100, 30 * 24 * 3600 * 1000
#: How long an address that said 410 is not called, in milliseconds.
GONE_MS = 365 * 24 * 3600 * 1000


class Entry(msgspec.Struct, rename="camel"):
    """One attempt to deliver.

    Attributes:
        at: When it ended, epoch milliseconds.
        job_id: Whose.
        attempt: Which.
        type: Kind of event.
        status: HTTP status; None without an answer.
        duration_ms: Milliseconds it took.
        error: Why it did not count; empty when it did.
    """

    at: int
    job_id: str
    attempt: int
    type: str
    status: int | None
    duration_ms: int
    error: str = ""


class Endpoint:
    """The memory of one address."""

    def __init__(self, memory: Memory, url: str) -> None:
        """Remember about `url`."""
        self._memory = memory
        # An address may hold a secret, and a key of Redis is no place for one.
        digest = hashlib.sha256(url.encode()).hexdigest()[:32]
        self._log = f"webhook:{digest}:log"
        self._gone = f"webhook:{digest}:gone"

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more events."""
        return self._memory.get(self._gone) is not None

    def set_gone(self, job_id: str) -> None:
        """Remember that the receiver wants no more events."""
        self._memory.put(self._gone, job_id.encode(), ttl_ms=GONE_MS)

    def reopen(self) -> None:
        """Forget that it wanted none."""
        self._memory.forget(self._gone)

    def note(self, entry: Entry) -> None:
        """Add a delivery to the log, if the memory can take it."""
        line = msgspec.json.encode(entry)
        # A delivery that went through must not be made again over its log.
        with suppress(BrokerError):
            self._memory.note(self._log, line, keep=LOG_LENGTH, ttl_ms=LOG_MS)

    def deliveries(self) -> list[Entry]:
        """Return the last deliveries, newest first."""
        lines = self._memory.notes(self._log)
        return [msgspec.json.decode(line, type=Entry) for line in lines]
