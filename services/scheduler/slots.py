"""Decides, purely, what becomes of the slots of a schedule that have come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from services.scheduler.instants import from_ms, to_ms
from services.scheduler.schedule import Misfire

if TYPE_CHECKING:
    from services.scheduler.cron import Rule
    from services.scheduler.schedule import Schedule

#: At most so many slots of one schedule are fired in one go.
MAX_FIRED = 1_000
#: Skipped slots are counted up to here; more than that is "at least".
MAX_COUNTED = 1_000
_FIRST_WINDOW_MS = 60_000
_WINDOW_GROWTH = 8


class Reason(StrEnum):
    """Why a slot became no job."""

    TOO_LATE = "too late"
    COVERED = "covered by a later slot"


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


def next_after(rule: Rule, ms: int) -> int:
    """Return the first slot later than `ms`, both epoch milliseconds."""
    return to_ms(rule.next_after(from_ms(ms)))


def plan(
    schedule: Schedule, *, cursor_ms: int, now_ms: int, limit: int = MAX_FIRED
) -> Plan:
    """Decide about all slots after `cursor_ms` up to `now_ms`.

    Args:
        schedule: The schedule.
        cursor_ms: The last slot that was decided, epoch milliseconds.
        now_ms: The server's clock, epoch milliseconds.
        limit: At most so many slots are fired; the rest is for the next plan.
    """
    rule = schedule.rule
    first = next_after(rule, cursor_ms)
    if first > now_ms:
        return Plan()
    horizon = now_ms - schedule.grace_ms
    if first >= horizon:
        return Plan(fire=_slots(rule, first, until_ms=now_ms, limit=limit))

    latest = _latest_before(rule, horizon, first_ms=first)
    on_time = _slots(rule, next_after(rule, latest), until_ms=now_ms, limit=limit)
    if schedule.misfire is Misfire.ONCE and not on_time:
        if latest == first:
            return Plan(fire=(latest,))
        covered = _latest_before(rule, latest, first_ms=first)
        return Plan(_skipped(rule, first, covered, Reason.COVERED), (latest,))
    reason = Reason.COVERED if on_time else Reason.TOO_LATE
    if schedule.misfire is Misfire.SKIP:
        reason = Reason.TOO_LATE
    return Plan(_skipped(rule, first, latest, reason), on_time)


def _slots(rule: Rule, first_ms: int, *, until_ms: int, limit: int) -> tuple[int, ...]:
    found: list[int] = []
    slot = first_ms
    while slot <= until_ms and len(found) < limit:
        found.append(slot)
        slot = next_after(rule, slot)
    return tuple(found)


def _latest_before(rule: Rule, bound_ms: int, *, first_ms: int) -> int:
    """Return the last slot before `bound_ms`; `first_ms` is a slot before it."""
    # Forward only, since rules know no other way: look from ever further back until
    # there is a slot, so that years of missed slots cost no more than an hour of them.
    window = _FIRST_WINDOW_MS
    while True:
        slot = next_after(rule, max(bound_ms - window, first_ms) - 1)
        if slot < bound_ms:
            break
        window *= _WINDOW_GROWTH
    while (following := next_after(rule, slot)) < bound_ms:
        slot = following
    return slot


def _skipped(rule: Rule, first_ms: int, last_ms: int, reason: Reason) -> Skipped:
    count = len(_slots(rule, first_ms, until_ms=last_ms, limit=MAX_COUNTED))
    return Skipped(first_ms, last_ms, count, reason)
