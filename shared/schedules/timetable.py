"""When a schedule's slots are: a rule between a first and a last instant."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.schedules.instants import from_ms, to_ms

if TYPE_CHECKING:
    from shared.schedules.cron import Rule


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """A rule, where it begins and ends, and how far each slot is put off.

    Attributes:
        rule: When slots are.
        start_ms: No slot is earlier, epoch milliseconds.
        end_ms: No slot is later, epoch milliseconds.
        offset_ms: How long after its slot a job is due, in milliseconds.
    """

    rule: Rule
    start_ms: int | None = None
    end_ms: int | None = None
    offset_ms: int = 0

    def next_after(self, ms: int) -> int | None:
        """Return the first slot later than `ms`, epoch milliseconds; None at the end.

        A slot is the rule's own instant; `due_ms()` tells when its job is due.
        """
        if self.start_ms is not None:
            ms = max(ms, self.start_ms - 1)
        try:
            slot = to_ms(self.rule.next_after(from_ms(ms)))
        except OverflowError:
            return None
        if self.end_ms is not None and slot > self.end_ms:
            return None
        return slot

    def due_ms(self, slot_ms: int) -> int:
        """Return when the job of a slot is due, epoch milliseconds."""
        return slot_ms + self.offset_ms


def offset_of(schedule_id: str, *, jitter_ms: int) -> int:
    """Return a schedule's share of the jitter: the same in every process, always."""
    if jitter_ms <= 0:
        return 0
    digest = hashlib.sha256(schedule_id.encode()).digest()
    return int.from_bytes(digest[:8]) % jitter_ms
