"""Decides, purely, what becomes of the slots of a schedule that have come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.schedules.policies import Misfire, Reason

if TYPE_CHECKING:
    from shared.schedules.schedule import Schedule
    from shared.schedules.timetable import Timetable

#: At most so many slots of one schedule are fired in one go; the rest comes next.
MAX_FIRED = 100
#: Skipped slots are counted up to here; more than that is "at least".
MAX_COUNTED = 1_000
_FIRST_WINDOW_MS = 60_000
_WINDOW_GROWTH = 4


@dataclass(frozen=True)
class Skipped:
    """Neighbouring slots that become no job; times are epoch milliseconds."""

    first_ms: int
    last_ms: int
    count: int
    reason: Reason


@dataclass(frozen=True)
class Plan:
    """What is to be done about a schedule now: first skip, then fire, in time order.

    Attributes:
        skipped: Slots that become no job, if any.
        fire: Slots that become jobs, epoch milliseconds, ascending.
    """

    skipped: Skipped | None = None
    fire: tuple[int, ...] = ()


def plan(
    schedule: Schedule, *, cursor_ms: int, now_ms: int, limit: int = MAX_FIRED
) -> Plan:
    """Decide about all slots after `cursor_ms` that are due at `now_ms`.

    Args:
        schedule: The schedule.
        cursor_ms: The last slot that was decided, epoch milliseconds.
        now_ms: The server's clock, epoch milliseconds.
        limit: At most so many slots are fired; the rest is for the next plan.
    """
    table = schedule.timetable
    until = now_ms - table.offset_ms
    first = table.next_after(cursor_ms)
    if first is None or first > until:
        return Plan()
    horizon = until - schedule.grace_ms
    if first >= horizon:
        return Plan(fire=_slots(table, cursor_ms, until_ms=until, limit=limit))

    kept = schedule.misfire_cap if schedule.misfire is Misfire.ALL else 1
    late = _last_before(table, horizon, first_ms=first, count=kept)
    on_time = _slots(table, late[-1], until_ms=until, limit=limit)
    skipped_until, reason = late[-1], Reason.TOO_LATE
    fire = on_time
    if schedule.misfire is Misfire.ALL:
        skipped_until, reason = late[0] - 1, Reason.BEYOND_CAP
        fire = (late + on_time)[:limit]
    elif schedule.misfire is Misfire.ONCE:
        reason = Reason.COVERED
        if not on_time:
            skipped_until, fire = late[-1] - 1, late
    return Plan(_skipped(table, first, skipped_until, reason), fire)


def _slots(
    table: Timetable, after_ms: int, *, until_ms: int, limit: int
) -> tuple[int, ...]:
    """Return the first slots after `after_ms` up to `until_ms`."""
    found: list[int] = []
    slot = table.next_after(after_ms)
    while slot is not None and slot <= until_ms and len(found) < limit:
        found.append(slot)
        slot = table.next_after(slot)
    return tuple(found)


def _last_before(
    table: Timetable, bound_ms: int, *, first_ms: int, count: int
) -> tuple[int, ...]:
    """Return the last slots before `bound_ms`, `count` at most and at least one.

    `first_ms` is a slot before it; none of them is earlier.
    """
    # Forward only, since rules know no other way: look from ever further back until
    # there are enough, so that years of missed slots cost no more than some of them.
    window = _FIRST_WINDOW_MS
    while True:
        begin = max(bound_ms - window, first_ms)
        found: list[int] = []
        slot = table.next_after(begin - 1)
        while slot is not None and slot < bound_ms:
            found.append(slot)
            slot = table.next_after(slot)
        if found and (len(found) >= count or begin == first_ms):
            return tuple(found[-count:])
        window *= _WINDOW_GROWTH


def _skipped(
    table: Timetable, first_ms: int, until_ms: int, reason: Reason
) -> Skipped | None:
    slots = _slots(table, first_ms - 1, until_ms=until_ms, limit=MAX_COUNTED)
    if not slots:
        return None
    last_ms = slots[-1]
    if len(slots) == MAX_COUNTED:
        [last_ms] = _last_before(table, until_ms + 1, first_ms=first_ms, count=1)
    return Skipped(first_ms, last_ms, len(slots), reason)
