"""A schedule that was checked: a timetable, and the job that each slot becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.jobs.names import QUEUE_PATTERN
from shared.jobs.options import JobOptions
from shared.schedules.definition import DEFAULT_GRACE_MS
from shared.schedules.policies import Misfire, Overlap

if TYPE_CHECKING:
    from shared.schedules.timetable import Timetable

_ID = re.compile(QUEUE_PATTERN)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A timetable that creates jobs.

    Attributes:
        id: Its name.
        timetable: When it is due.
        queue: Where its jobs wait.
        name: Their task.
        data: Their data, JSON text, valid by the task's contract.
        options: What the schedule says about them; the id is the slot's.
        limit: At most so many slots become jobs.
        misfire: What becomes of slots later than the grace.
        misfire_cap: At most so many late slots are fired.
        grace_ms: How late a slot is fired without question, in milliseconds.
        overlap: What becomes of a slot while the previous job has not ended.
        pause_after_failures: After so many failed jobs in a row it pauses itself.
    """

    id: str
    timetable: Timetable
    queue: str
    name: str
    data: bytes
    options: JobOptions = field(default_factory=JobOptions)
    limit: int | None = None
    misfire: Misfire = Misfire.ONCE
    misfire_cap: int = 100
    grace_ms: int = DEFAULT_GRACE_MS
    overlap: Overlap = Overlap.ALLOW
    pause_after_failures: int | None = None

    @property
    def heeds_jobs(self) -> bool:
        """Whether the fate of its earlier jobs decides about a slot."""
        return self.overlap is not Overlap.ALLOW or bool(self.pause_after_failures)

    def job_id(self, slot_ms: int) -> str:
        """Return the id of a slot's job: the same in every scheduler, every time."""
        return f"{self.id}:{slot_ms}"

    def options_at(self, slot_ms: int) -> JobOptions:
        """Return the options of a slot's job."""
        return self.options.model_copy(update={"job_id": self.job_id(slot_ms)})


def is_schedule_id(text: str) -> bool:
    """Whether a schedule can have this id.

    It starts with a letter and has at most 64 letters, digits, `_`, `-` and `.`.
    """
    return _ID.fullmatch(text) is not None
