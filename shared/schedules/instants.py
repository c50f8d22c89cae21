"""Instants as Redis counts them (epoch milliseconds) and as calendars do (UTC)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Return whole milliseconds since the epoch, rounded down; exact, no floats."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return epoch milliseconds as an instant in UTC."""
    return _EPOCH + ms * _MILLISECOND
