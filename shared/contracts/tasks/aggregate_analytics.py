"""`aggregate-analytics`: counts of events, per hour, day or month."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileId
from shared.contracts.retry import Backoff

#: Name of a kind of event, such as `order.paid`.
EventName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
#: Name or value of a property, such as `plan` and `pro`.
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:@ -]{1,64}$")]

Granularity = Literal["hour", "day", "month"]


class Event(Model):
    """Something that happened.

    Attributes:
        name: What.
        at: When, epoch milliseconds; left out, when the job was accepted.
        value: How much of it, such as an amount.
        properties: What it was like; each one is counted by itself, too.
    """

    name: EventName
    at: Annotated[int, Field(ge=0, le=4_102_444_800_000)] | None = None
    value: float = Field(default=1, ge=-1e15, le=1e15)
    properties: dict[Word, Word] = Field(default={}, max_length=5)


class AggregateAnalytics(Model):
    """Which events to add to the counts.

    Attributes:
        events: The events.
        source: Id of a stored file with one event per line, as JSON.
        granularity: How long a time is counted together, in UTC.
        keep_days: How long the counts are kept, in days after the last event.
    """

    events: list[Event] | None = Field(default=None, min_length=1, max_length=5_000)
    source: FileId | None = None
    granularity: Granularity = "day"
    keep_days: int = Field(default=90, ge=1, le=800)

    @model_validator(mode="after")
    def _from_one_place(self) -> AggregateAnalytics:
        if (self.events is None) == (self.source is None):
            message = "needs events or source, and not both"
            raise ValueError(message)
        return self


class Series(Model):
    """The counts of one kind of event in one time, this job's included.

    Attributes:
        time: The hour, day or month, such as `2026-11-22`.
        name: The kind of event; with `?property=value` those that have it.
        count: How many there were.
        sum: Their values, added up.
        min: The smallest value.
        max: The largest value.
    """

    time: str
    name: str
    count: int
    sum: float
    min: float
    max: float


class AnalyticsAggregated(Model):
    """What became of the events.

    Attributes:
        events: How many there were in this job.
        counted: False when this job had been counted before: nothing was added.
        series: The counts that they belong to, the first 200.
        series_total: How many counts they belong to.
    """

    events: int
    counted: bool
    series: list[Series]
    series_total: int


CONTRACT = TaskContract(
    name="aggregate-analytics",
    queue="report",
    summary="Adds events to counts, sums and extremes per hour, day or month.",
    data=AggregateAnalytics,
    result=AnalyticsAggregated,
    defaults=TaskDefaults(
        attempts=5,
        backoff=Backoff(type="exponential", delay=2_000, jitter=0.2),
        timeout_ms=120_000,
    ),
    idempotent_by="A job's id is noted together with its counts, in one script.",
)
