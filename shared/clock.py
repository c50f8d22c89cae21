"""The two clocks: wall time for people, monotonic time for durations."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the wall clock as epoch milliseconds; never use it to decide order."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> float:
    """Return the monotonic clock in milliseconds; only differences mean anything."""
    return time.monotonic_ns() / 1_000_000
