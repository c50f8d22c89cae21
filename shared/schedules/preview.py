"""What is to come: the next slots of a timetable, as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from shared.schedules.instants import from_ms

if TYPE_CHECKING:
    from shared.schedules.timetable import Timetable


class Run(NamedTuple):
    """One slot; times are epoch milliseconds and ISO 8601 texts.

    Attributes:
        slot: The slot, which names its job.
        due: When its job is created.
        local: The same in the schedule's zone, with the UTC offset.
        utc: The same in UTC.
    """

    slot: int
    due: int
    local: str
    utc: str


def preview(
    timetable: Timetable, *, after_ms: int, count: int, tz: str
) -> tuple[Run, ...]:
    """Return the next `count` slots after `after_ms`; fewer when it ends before."""
    runs: list[Run] = []
    slot = timetable.next_after(after_ms)
    zone = ZoneInfo(tz)
    while slot is not None and len(runs) < count:
        due_ms = timetable.due_ms(slot)
        due = from_ms(due_ms)
        local = due.astimezone(zone).isoformat()
        utc = due.isoformat().replace("+00:00", "Z")
        runs.append(Run(slot, due_ms, local, utc))
        slot = timetable.next_after(slot)
    return tuple(runs)
