"""The Retry-After header."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: However patient a receiver asks us to be: a day.
MAX_DELAY_MS = 24 * 3600 * 1000


def delay_ms(header: str, *, now: datetime) -> int | None:
    """Return the wait that the header asks for, in milliseconds; None when none.

    >>> delay_ms("120", now=datetime.now(UTC))
    120000
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        # A number with thousands of digits is a day as well.
        seconds = int(text[:10])
        return min(seconds * 1000, MAX_DELAY_MS)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    wait_ms = round((until - now).total_seconds() * 1000)
    return min(max(wait_ms, 0), MAX_DELAY_MS)
