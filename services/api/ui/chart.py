"""What the chart of throughput draws; static/chart.js reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.api.ui.pace import Pace

_MINUTE_MS = 60_000


def document(paces: Sequence[Pace], now_ms: int) -> str:
    """Return times in epoch seconds, and what completed and failed, as JSON.

    Args:
        paces: Of the queues to add up; a minute that none knows stays empty.
        now_ms: The server's clock.
    """
    count = len(paces[0].done) if paces else 0
    last = now_ms // _MINUTE_MS
    times = [(last - count + 1 + at) * 60 for at in range(count)]
    done = [_sum([pace.done[at] for pace in paces]) for at in range(count)]
    failed = [_sum([pace.failed[at] for pace in paces]) for at in range(count)]
    return msgspec.json.encode([times, done, failed]).decode()


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
