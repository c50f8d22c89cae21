"""What is due next, kept in memory by the leader."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from services.scheduler.slots import next_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.scheduler.schedule import Schedule


class Agenda:
    """The schedules in the order in which they are due; idle ones cost nothing.

    A schedule that `take_due()` hands out is off the agenda until `advance()` or
    `postpone()` puts it back.
    """

    def __init__(self, schedules: Iterable[Schedule]) -> None:
        """Take the schedules; nothing is due before `open()`."""
        self._schedules = {schedule.id: schedule for schedule in schedules}
        self._cursors: dict[str, int] = {}
        self._line: list[tuple[int, str]] = []
        self.is_open = False

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """All schedules, in the order they were declared in."""
        return tuple(self._schedules.values())

    @property
    def next_ms(self) -> int | None:
        """When the next one is due, epoch milliseconds; None without any."""
        return self._line[0][0] if self._line else None

    @property
    def cursors(self) -> Mapping[str, int]:
        """The last decided slot per schedule, as far as this process knows."""
        return self._cursors

    def open(self, cursors: Mapping[str, int]) -> None:
        """Begin with the last decided slot of each schedule, epoch milliseconds."""
        self._cursors = dict(cursors)
        self._line = [
            (next_after(schedule.rule, cursors[schedule.id]), schedule.id)
            for schedule in self._schedules.values()
        ]
        heapq.heapify(self._line)
        self.is_open = True

    def close(self) -> None:
        """Forget what is due; what is stored may have moved on elsewhere."""
        self._line.clear()
        self.is_open = False

    def take_due(self, now_ms: int) -> Schedule | None:
        """Hand out the schedule that has been due longest at `now_ms`, if any."""
        if not self._line or self._line[0][0] > now_ms:
            return None
        return self._schedules[heapq.heappop(self._line)[1]]

    def advance(self, schedule: Schedule, cursor_ms: int) -> None:
        """Remember the last decided slot, epoch milliseconds."""
        upcoming = next_after(schedule.rule, cursor_ms)
        self._cursors[schedule.id] = cursor_ms
        heapq.heappush(self._line, (upcoming, schedule.id))

    def postpone(self, schedule: Schedule, until_ms: int) -> None:
        """Look at the schedule again at `until_ms`; nothing was decided."""
        heapq.heappush(self._line, (until_ms, schedule.id))
