"""The rules that tell when a schedule is due: cron patterns and fixed intervals."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim

from shared.errors import InvalidDataError, Problem
from shared.schedules import cron_pattern
from shared.schedules.instants import from_ms, to_ms

if TYPE_CHECKING:
    from datetime import tzinfo

_MAX_TZ = 64
_UTC_NAMES = frozenset({"UTC", "Etc/UTC"})
#: Any instant does for the question whether a pattern is ever due.
_SOMEDAY = datetime(2024, 1, 1, tzinfo=UTC)

_MINUTE_S = 60

MIN_EVERY_MS = 100
MAX_EVERY_MS = 366 * 24 * 3600 * 1000


class Rule(Protocol):
    """Says when a schedule is due; a slot is one such instant."""

    def next_after(self, instant: datetime) -> datetime:
        """Return the first slot later than `instant`, in UTC."""


class CronRule:
    """A five-field cron pattern in a time zone, by Debian cron's rules.

    A fixed time that falls into the hour that spring leaves out is due once, at the
    first minute after it; one that autumn repeats is due the first time only. A
    pattern whose minute or hour begins with a star follows elapsed time.
    """

    def __init__(self, pattern: str, tz: str = "UTC") -> None:
        """Check the pattern and the zone.

        Args:
            pattern: Five fields, or one of the @aliases.
            tz: Name of an IANA time zone, such as `Europe/Paris`.

        Raises:
            InvalidDataError: When one of them is nonsense; it says which part.
        """
        self.pattern = pattern
        self.tz = tz
        self._zone = _zone(tz)
        self._fields = cron_pattern.read(pattern)
        if self._first_after(_SOMEDAY) is None:
            raise cron_pattern.refusal(pattern, "no such day ever comes")

    def __str__(self) -> str:
        return f"{self.pattern} ({self.tz})"

    def __repr__(self) -> str:
        return f"CronRule({self.pattern!r}, {self.tz!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CronRule):
            return NotImplemented
        return (self.pattern, self.tz) == (other.pattern, other.tz)

    def __hash__(self) -> int:
        return hash((self.pattern, self.tz))

    def next_after(self, instant: datetime) -> datetime:
        """Return the first slot later than `instant`, in UTC.

        Raises:
            OverflowError: When it lies beyond the calendar's last year.
        """
        slot = self._first_after(instant)
        if slot is None:
            message = f"{self} has no slot within 50 years after {instant}."
            raise OverflowError(message)
        return slot

    def _first_after(self, instant: datetime) -> datetime | None:
        # cronsim thinks in the zone's wall clock. In the hour that autumn repeats its
        # first answer may be the earlier of two equal wall clock times, which is
        # past: then the next answer counts. UTC on both sides, because Python
        # compares two times of one zone by their wall clock alone.
        for local in _Walker(self._fields, instant.astimezone(self._zone)):
            slot = local.astimezone(UTC)
            if slot > instant:
                return slot
        return None


class EveryRule:
    """A fixed interval; slots are multiples of it since the epoch, or an anchor.

    So every scheduler knows the same slots, whenever it was started.
    """

    def __init__(self, every_ms: int, *, anchor_ms: int = 0) -> None:
        """Check the interval.

        Args:
            every_ms: Milliseconds between two slots.
            anchor_ms: A slot, epoch milliseconds.

        Raises:
            InvalidDataError: When it is too short or too long.
        """
        if (
            isinstance(every_ms, bool)
            or not isinstance(every_ms, int)
            or not MIN_EVERY_MS <= every_ms <= MAX_EVERY_MS
        ):
            detail = (
                f"an interval is a whole number of milliseconds from {MIN_EVERY_MS} "
                f"to {MAX_EVERY_MS}"
            )
            raise InvalidDataError((Problem("/every", detail),))
        self.every_ms = every_ms
        self._phase_ms = anchor_ms % every_ms

    def __str__(self) -> str:
        return f"every {self.every_ms} ms"

    def __repr__(self) -> str:
        return f"EveryRule({self.every_ms})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EveryRule):
            return NotImplemented
        return (self.every_ms, self._phase_ms) == (other.every_ms, other._phase_ms)

    def __hash__(self) -> int:
        return hash((self.every_ms, self._phase_ms))

    def next_after(self, instant: datetime) -> datetime:
        """Return the first slot later than `instant`, in UTC."""
        elapsed = (to_ms(instant) - self._phase_ms) // self.every_ms
        return from_ms((elapsed + 1) * self.every_ms + self._phase_ms)


class _Walker(CronSim):
    """cronsim, which never strides over the moment at which a zone's clock jumps.

    Left alone, it passes over slots near jumps that begin at midnight or within an
    hour, or that are no whole hour long (Lord Howe Island, Chatham Islands, Santiago).
    """

    def tick(self, seconds: int = 1) -> None:
        before = self.dt
        super().tick(seconds)
        if seconds <= _MINUTE_S or before.utcoffset() == self.dt.utcoffset():
            return
        offset, self.dt = before.utcoffset(), before.replace(second=0)
        while self.dt.utcoffset() == offset:
            super().tick(_MINUTE_S)

    def advance_month(self) -> None:
        super().advance_month()
        self._leave_gap()

    def advance_day(self) -> bool:
        moved = super().advance_day()
        self._leave_gap()
        return moved

    def advance_hour(self) -> bool:
        if self.dt.hour in self.hours:
            return False
        while self.dt.hour not in self.hours:
            self.tick(seconds=3600 - self.dt.minute * _MINUTE_S - self.dt.second)
            if self.dt.hour == 0:
                break  # another day: months and days first
        return True

    def _leave_gap(self) -> None:
        # A month or a day begins at midnight, which may not exist.
        if self.dt.tzinfo not in (None, UTC):
            self.dt = self.dt.astimezone(UTC).astimezone(self.dt.tzinfo)


def check_zone(name: str) -> bool:
    """Return True when `name` is a time zone.

    Raises:
        InvalidDataError: When it is none.
    """
    _zone(name)
    return True


def _zone(name: str) -> tzinfo:
    if name in _UTC_NAMES:
        return UTC  # cronsim has a shorter way for it
    shown = name[:_MAX_TZ]
    try:
        return ZoneInfo(shown)
    except (KeyError, ValueError, OSError) as error:
        # A missing zone, a path that leaves the database, a folder of it.
        detail = f"{shown!r} is no time zone; use an IANA name such as Europe/Paris"
        raise InvalidDataError((Problem("/tz", detail),)) from error
