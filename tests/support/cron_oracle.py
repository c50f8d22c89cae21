"""An independent cron: walks minute by minute and asks whether the clock matches."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
_NAMES = {
    **{name.lower(): n for n, name in enumerate(calendar.month_abbr) if name},
    **{
        name: n
        for n, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))
    },
}


class Oracle:
    """The slots of one pattern, found by asking every minute."""

    def __init__(self, pattern: str) -> None:
        """Read five fields."""
        minute, hour, day, month, weekday = pattern.split()
        self._follows_elapsed_time = minute.startswith("*") or hour.startswith("*")
        self._needs_both = day.startswith("*") or weekday.startswith("*")
        self._minutes = _numbers(minute, 0, 59)
        self._hours = _numbers(hour, 0, 23)
        self._months = _numbers(month, 1, 12)
        self._day, self._weekday = day, weekday
        self._days = set() if day == "L" else _numbers(day, 1, 31)
        self._weekdays, self._nth = _weekdays(weekday)

    def matches(self, wall: datetime) -> bool:
        """Whether the pattern means this minute of a wall clock."""
        return (
            wall.minute in self._minutes
            and wall.hour in self._hours
            and wall.month in self._months
            and self._matches_day(wall)
        )

    def slots(self, window: Window) -> list[datetime]:
        """Return the slots of a window, in UTC."""
        if self._follows_elapsed_time:
            return [at for at, wall in window.minutes if self.matches(wall)]
        found = {window.first_real(wall) for wall in window.walls if self.matches(wall)}
        return sorted(slot for slot in found if window.begin <= slot < window.end)

    def _matches_day(self, wall: datetime) -> bool:
        last = calendar.monthrange(wall.year, wall.month)[1]
        by_month = wall.day == last if self._day == "L" else wall.day in self._days
        number = wall.isoweekday() % 7
        by_week = number in self._weekdays
        if self._nth and by_week:
            is_last = wall.day + 7 > last
            nth = (wall.day - 1) // 7 + 1
            by_week = is_last if self._nth == "L" else nth == int(self._nth)
        if self._needs_both:
            return by_month and by_week
        return by_month or by_week


class Window:
    """Some days in a zone: every real minute, and every minute of its wall clock."""

    def __init__(self, zone: str, begin: datetime, *, days: int) -> None:
        """Walk through the days once; many patterns ask."""
        self.zone = zone
        self._info = ZoneInfo(zone)
        self.begin = begin
        self.end = begin + timedelta(days=days)
        count = days * 24 * 60
        instants = [begin + n * MINUTE for n in range(count)]
        self.minutes = [
            (at, at.astimezone(self._info).replace(tzinfo=None)) for at in instants
        ]
        first = self.minutes[0][1] - timedelta(days=1)
        self.walls = [first + n * MINUTE for n in range(count + 2 * 24 * 60)]
        #: When the wall clock showed a minute for the first time.
        self._first: dict[datetime, datetime] = {}
        for at, wall in self.minutes:
            self._first.setdefault(wall.replace(second=0), at)

    def first_real(self, wall: datetime) -> datetime:
        """Return when a wall clock shows `wall` first, or the first minute after it."""
        while True:
            at = self._first.get(wall)
            if at is None:
                at = wall.replace(tzinfo=self._info).astimezone(UTC)
            if at.astimezone(self._info).replace(tzinfo=None, fold=0) == wall:
                return at
            wall += MINUTE


def _numbers(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for term in field.split(","):
        body, _, step = term.partition("/")
        if body == "*":
            first, last = low, high
        elif "-" in body:
            first, last = (_number(word) for word in body.split("-"))
        else:
            first = _number(body)
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


def _number(word: str) -> int:
    return _NAMES[word.lower()] if word.isalpha() else int(word)


def _weekdays(field: str) -> tuple[set[int], str]:
    nth = ""
    if "#" in field:
        field, _, nth = field.partition("#")
    elif field.endswith("L"):
        field, nth = field[:-1], "L"
    return {number % 7 for number in _numbers(field, 0, 7)}, nth
