"""Leaves a host alone that does not answer, so that it takes no worker's time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from shared import logging
from shared.errors import BrokerError

if TYPE_CHECKING:
    from services.worker.memory import Memory

#: Failures in a row after which a host is left alone.
THRESHOLD = 5
#: How long it is left alone at first, and at most, in milliseconds.
FIRST_BREAK_MS, LONGEST_BREAK_MS = 30_000, 300_000
#: How long failures count, in milliseconds; longer than any break.
_MEMORY_MS = 900_000
#: How long one job may try whether the host is back, in milliseconds.
_PROBE_MS = 30_000
#: How long the others wait meanwhile, in milliseconds.
_BEHIND_PROBE_MS = 5_000

_log = logging.get(__name__)


class Circuit:
    """What all workers know about one host."""

    def __init__(self, memory: Memory, host: str) -> None:
        """Watch `host`, a name with its port."""
        self._memory = memory
        self._host = host
        self._failures = f"circuit:{host}:failures"
        self._break = f"circuit:{host}:break"
        self._probe = f"circuit:{host}:probe"
        self._was_failing = False

    @property
    def break_ms(self) -> int:
        """How long the host is left alone from now, in milliseconds."""
        return self._memory.remaining_ms(self._break)

    def wait_ms(self) -> int:
        """Ask for a call; return how long to put it off, in milliseconds; 0 for go."""
        left_ms = self.break_ms
        if left_ms:
            return left_ms
        failures = int(self._memory.get(self._failures) or b"0")
        self._was_failing = failures > 0
        if failures < THRESHOLD:
            return 0
        # The break is over: one job finds out whether the host is back.
        is_probe = self._memory.add(self._probe, b"1", ttl_ms=_PROBE_MS)
        return 0 if is_probe else _BEHIND_PROBE_MS

    def succeeded(self) -> None:
        """Take in that the host answered."""
        if self._was_failing:
            # What the call brought counts more than what is remembered about it.
            with suppress(BrokerError):
                self._memory.forget(self._failures, self._break, self._probe)

    def failed(self) -> None:
        """Take in that the host did not answer, or with an error of its own."""
        with suppress(BrokerError):
            self._count()

    def _count(self) -> None:
        failures = self._memory.count(self._failures, ttl_ms=_MEMORY_MS)
        if failures < THRESHOLD:
            return
        doublings = min(failures - THRESHOLD, 10)
        break_ms = min(FIRST_BREAK_MS << doublings, LONGEST_BREAK_MS)
        self._memory.put(self._break, b"1", ttl_ms=break_ms)
        self._memory.forget(self._probe)
        _log.warning("host_left_alone", host=self._host, break_ms=break_ms)
