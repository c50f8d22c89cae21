"""What a schedule is: a rule, and the job that each of its slots becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.errors import InvalidDataError, Problem
from shared.jobs.names import QUEUE_PATTERN
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from services.scheduler.cron import Rule

#: Slots that are late by no more than this are simply fired, in milliseconds. It is
#: several times a takeover, so a lost leader costs no slot.
DEFAULT_GRACE_MS = 60_000

_ID = re.compile(QUEUE_PATTERN)


class Misfire(StrEnum):
    """What becomes of slots that nobody fired within the grace.

    SKIP fires none of them; ONCE fires the latest, unless a later slot is fired anyway.
    """

    SKIP = "skip"
    ONCE = "once"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A rule that creates jobs.

    Attributes:
        id: Its name; starts with a letter, 64 letters, digits, `_`, `-`, `.` at most.
        rule: When it is due.
        queue: Where its jobs wait.
        name: Their task.
        data: Their data, JSON text, valid by the task's contract.
        options: What the schedule says about them; the id is the slot's.
        misfire: What becomes of slots later than the grace.
        grace_ms: How late a slot is fired without question, in milliseconds.

    Raises:
        InvalidDataError: When the id or an option can't be a schedule's.
    """

    id: str
    rule: Rule
    queue: str
    name: str
    data: bytes
    options: JobOptions = field(default_factory=JobOptions)
    misfire: Misfire = Misfire.ONCE
    grace_ms: int = DEFAULT_GRACE_MS

    def __post_init__(self) -> None:
        problems = []
        if not _ID.fullmatch(self.id):
            problems.append(
                Problem(
                    "/id",
                    "a schedule's id starts with a letter and has at most 64 letters, "
                    "digits, underscores, hyphens and dots",
                )
            )
        if self.options.job_id is not None:
            problems.append(
                Problem("/opts/jobId", "the slot names the job; leave it out")
            )
        if self.grace_ms < 0:
            problems.append(Problem("/graceMs", "the grace is 0 or more milliseconds"))
        if problems:
            raise InvalidDataError(tuple(problems))

    def job_id(self, slot_ms: int) -> str:
        """Return the id of a slot's job: the same in every scheduler, every time."""
        return f"{self.id}:{slot_ms}"

    def options_at(self, slot_ms: int) -> JobOptions:
        """Return the options of a slot's job."""
        return self.options.model_copy(update={"job_id": self.job_id(slot_ms)})
