"""A schedule as people write it: the JSON document of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shared.contracts.model import Model
from shared.schedules.instants import to_ms
from shared.schedules.policies import Misfire, Overlap

#: Slots that are late by no more than this are simply fired, in milliseconds. It is
#: several times a takeover, so a lost leader costs no slot.
DEFAULT_GRACE_MS = 60_000
MAX_DAY_MS = 24 * 3600 * 1000
#: The last instant of the year 9998, so that no calendar runs out beside it.
MAX_INSTANT_MS = 253_370_764_799_999


def _instant(value: object) -> object:
    """Read ISO 8601 text; whole numbers are epoch milliseconds already."""
    if not isinstance(value, str):
        return value
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        message = "should be a time such as 2026-12-01T09:00:00+01:00 or epoch ms"
        raise ValueError(message) from None
    if instant.tzinfo is None:
        message = "should say its UTC offset, as in 2026-12-01T09:00:00+01:00"
        raise ValueError(message)
    return to_ms(instant)


Instant = Annotated[int, BeforeValidator(_instant), Field(ge=0, le=MAX_INSTANT_MS)]


class Template(Model):
    """What each slot's job is made of.

    Attributes:
        queue: Where it waits; the task's queue when left out.
        name: Its task.
        data: Its data, valid by the task's contract.
        opts: Its options, without a job id.
    """

    queue: str | None = None
    name: str = Field(min_length=1, max_length=64)
    data: dict[str, Any] = Field(default={})
    opts: dict[str, Any] = Field(default={})


class ScheduleDefinition(Model):
    """When jobs are created, and which.

    Attributes:
        description: A sentence for people.
        pattern: A cron pattern; or `every`.
        every: Milliseconds between two slots; or `pattern`.
        tz: Time zone of the pattern.
        start_date: No slot is earlier; an interval counts from here.
        end_date: No slot is later.
        limit: At most so many slots become jobs.
        jitter: Each schedule is put off by its own share of it, in milliseconds.
        template: The jobs.
        misfire: What becomes of slots later than the grace.
        misfire_cap: At most so many late slots `all` fires.
        grace: How late a slot is fired without question, in milliseconds.
        overlap: What becomes of a slot while the previous job has not ended.
        pause_after_failures: After so many failed jobs in a row it pauses itself.
    """

    description: str = Field(default="", max_length=200)
    pattern: str | None = None
    every: int | None = None
    tz: str = "UTC"
    start_date: Instant | None = None
    end_date: Instant | None = None
    limit: int | None = Field(default=None, ge=1, le=1_000_000_000)
    jitter: int = Field(default=0, ge=0, le=MAX_DAY_MS)
    template: Template
    misfire: Misfire = Misfire.ONCE
    misfire_cap: int = Field(default=100, ge=1, le=1_000)
    grace: int = Field(default=DEFAULT_GRACE_MS, ge=0, le=MAX_DAY_MS)
    overlap: Overlap = Overlap.ALLOW
    pause_after_failures: int | None = Field(default=None, ge=1, le=20)

    def has_slots_of(self, other: ScheduleDefinition) -> bool:
        """Whether both have the same slots."""
        return all(
            getattr(self, name) == getattr(other, name)
            for name in ("pattern", "every", "tz", "start_date", "end_date", "jitter")
        )
