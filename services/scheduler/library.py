"""The schedules that the leader has at hand, checked and ready to fire."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.errors import InvalidDataError
from shared.schedules.checking import checked
from shared.schedules.definition import ScheduleDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.scheduler.slot_store import Due, SlotStore
    from shared.contracts.catalogue import AnyContract
    from shared.schedules.cron import Rule
    from shared.schedules.schedule import Schedule

#: At most so many schedules are kept at hand; the others are read when they are due.
MAX_KEPT = 50_000
#: How many of a rule's last answers are kept.
_ANSWERS = 4


class Unusable:
    """A schedule that can't be fired, and why."""

    def __init__(self, trouble: str) -> None:
        """Remember why."""
        self.trouble = trouble


class Library:
    """Keeps schedules by id and revision; a changed one is read again."""

    def __init__(
        self, store: SlotStore, *, catalogue: Mapping[str, AnyContract]
    ) -> None:
        """Read from `store`; `catalogue` knows the tasks."""
        self._store = store
        self._catalogue = catalogue
        self._kept: OrderedDict[str, tuple[int, Schedule | Unusable]] = OrderedDict()

    def __contains__(self, schedule_id: str) -> bool:
        return schedule_id in self._kept

    def forget(self) -> None:
        """Read every schedule anew."""
        self._kept.clear()

    def load(self, ids: Sequence[str]) -> None:
        """Read schedules, and work out when they are due next."""
        stored = self._store.definitions(ids)
        for schedule_id, (revision, cursor_ms, text) in zip(ids, stored, strict=True):
            self._kept.pop(schedule_id, None)
            if not revision:
                continue
            found = self._checked(schedule_id, text)
            self._kept[schedule_id] = revision, found
            if not isinstance(found, Unusable):
                slot = found.timetable.next_after(cursor_ms)
                if slot is not None:
                    found.timetable.next_after(slot)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def find(self, dues: Sequence[Due]) -> list[Schedule | Unusable | None]:
        """Return schedules as they were when `dues` were read.

        None stands for one that was changed or removed since.
        """
        stale = [due.id for due in dues if not self._has(due)]
        if stale:
            self.load(stale)
        return [self._kept[due.id][1] if self._has(due) else None for due in dues]

    def _has(self, due: Due) -> bool:
        kept = self._kept.get(due.id)
        return kept is not None and kept[0] == due.progress.revision

    def _checked(self, schedule_id: str, text: bytes) -> Schedule | Unusable:
        try:
            definition = ScheduleDefinition.parse(text)
            schedule = checked(schedule_id, definition, self._catalogue)
        except InvalidDataError as error:
            return Unusable(f"It is not usable: {error}.")
        timetable = schedule.timetable
        remembering = replace(timetable, rule=_Remembering(timetable.rule))
        return replace(schedule, timetable=remembering)


class _Remembering:
    """A rule that knows its last answers: cron takes its time, slots are punctual."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._answers: dict[datetime, datetime] = {}

    def next_after(self, instant: datetime) -> datetime:
        answer = self._answers.get(instant)
        if answer is None:
            answer = self._rule.next_after(instant)
            if len(self._answers) >= _ANSWERS:
                del self._answers[next(iter(self._answers))]
            self._answers[instant] = answer
        return answer
