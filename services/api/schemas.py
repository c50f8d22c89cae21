"""What comes in over HTTP, apart from the tasks' own data."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from services.api.failure_groups import FINGERPRINT_PATTERN
from shared.access.principal import EVERY_QUEUE, QUEUE_PATTERN, Scope
from shared.contracts.model import Model
from shared.jobs import names
from shared.jobs.states import JobState

#: Jobs of one bulk, and the bytes that describe them.
MAX_BULK, MAX_BULK_BYTES = 1000, 5 * 1024 * 1024
#: Jobs that one bulk action changes at most.
MAX_ACTION = 100_000_000
#: The fastest pace of one; without a pace it is as fast as Redis.
MAX_PACE = 1_000
#: The last millisecond of the year 9999.
MAX_TIME_MS = 253_402_300_799_999
MAX_TOKEN_LIFE_S = 10 * 365 * 86_400
MAX_OVERLAP_S = 30 * 86_400

_GroupName = Annotated[str, StringConstraints(pattern=rf"^\*$|{names.LABEL_PATTERN}")]
_QueuePattern = Annotated[str, StringConstraints(pattern=QUEUE_PATTERN)]


class JobRequest(Model):
    """The body of `POST /api/v1/jobs/{queue}`, BullMQ's `queue.add(name, data, opts)`.

    Attributes:
        name: The task.
        data: Its input; the task's contract says what it may hold.
        opts: What the caller says about the job.
    """

    name: str = Field(min_length=1, max_length=64)
    data: dict[str, Any] = Field(default_factory=dict)
    opts: dict[str, Any] = Field(default_factory=dict)


class BulkRequest(Model):
    """The body of `POST /api/v1/jobs/{queue}/bulk`.

    Attributes:
        jobs: The jobs; each is accepted or refused for itself.
    """

    jobs: tuple[JobRequest, ...] = Field(
        min_length=1, max_length=MAX_BULK, strict=False
    )


class LimitsChange(Model):
    """How much may run at once, and how much may start in a time.

    Attributes:
        concurrency: Jobs that run at the same time; null takes the limit away.
        rate_max: Jobs that start within `rateMs`.
        rate_ms: The time of `rateMax`, in milliseconds.
    """

    concurrency: int | None = Field(default=None, ge=1, le=1_000_000)
    rate_max: int | None = Field(default=None, ge=1, le=1_000_000)
    rate_ms: int | None = Field(default=None, ge=1, le=86_400_000)

    @model_validator(mode="after")
    def _has_both_halves_of_a_rate(self) -> LimitsChange:
        if (self.rate_max is None) != (self.rate_ms is None):
            message = "a rate needs both rateMax and rateMs"
            raise ValueError(message)
        return self


class QueueChange(Model):
    """The body of `PATCH /api/v1/queues/{queue}`; what is left out stays.

    Attributes:
        paused: Whether workers leave the queue alone.
        limits: The queue's limits, all of them.
        groups: Limits per group, by its name; `*` holds for all the others.
        quota: Most jobs that may wait; null takes the limit away.
    """

    paused: bool | None = None
    limits: LimitsChange | None = None
    groups: dict[_GroupName, LimitsChange] | None = Field(default=None, max_length=100)
    quota: int | None = Field(default=None, ge=1, le=100_000_000)


class JobFilter(Model):
    """Which jobs are meant; a job must fit all that is given.

    Attributes:
        states: States; left out, those that the action is for.
        name: The task.
        tag: One of its tags.
        group: Its group.
        fingerprint: That of its failure, as the dashboard's page of failures has it.
        q: A text in its data, id, tags or reason of failure; case does not matter.
        error: A text in its reason of failure; case does not matter.
        since: Accepted at or after, epoch milliseconds.
        until: Accepted before, epoch milliseconds.
    """

    states: tuple[Annotated[JobState, Field(strict=False)], ...] | None = Field(
        default=None, min_length=1, max_length=len(JobState), strict=False
    )
    name: str | None = Field(default=None, min_length=1, max_length=64)
    tag: str | None = Field(default=None, min_length=1, max_length=64)
    group: str | None = Field(default=None, min_length=1, max_length=128)
    fingerprint: str | None = Field(default=None, pattern=FINGERPRINT_PATTERN)
    q: str | None = Field(default=None, min_length=1, max_length=200)
    error: str | None = Field(default=None, min_length=1, max_length=200)
    since: int | None = Field(default=None, ge=0, le=MAX_TIME_MS)
    until: int | None = Field(default=None, ge=0, le=MAX_TIME_MS)


class BulkAction(Model):
    """The body of `POST /api/v1/queues/{queue}/{action}`.

    Attributes:
        filter: Which jobs are meant; left out, all that the action is for.
        dry_run: Whether to count only.
        limit: Most jobs that are changed.
        per_second: How many are changed per second; left out, as fast as it goes.
    """

    filter: JobFilter = Field(default_factory=JobFilter)
    dry_run: bool = False
    limit: int | None = Field(default=None, ge=1, le=MAX_ACTION)
    per_second: int | None = Field(default=None, ge=1, le=MAX_PACE)


class NewToken(Model):
    """The body of `POST /api/v1/tokens`.

    Attributes:
        name: What people call it.
        scopes: What it may do.
        queues: Patterns of the queues it sees; `*` stands for any letters.
        expires_in_s: Seconds until it ends; left out, it does not.
    """

    name: str = Field(min_length=1, max_length=100, pattern=r"^[ -~]+$")
    # JSON has no enumerations, so the strictness of the base would refuse texts.
    scopes: tuple[Annotated[Scope, Field(strict=False)], ...] = Field(
        min_length=1, max_length=len(Scope), strict=False
    )
    queues: tuple[_QueuePattern, ...] = Field(
        default=EVERY_QUEUE, min_length=1, max_length=50, strict=False
    )
    expires_in_s: int | None = Field(default=None, ge=1, le=MAX_TOKEN_LIFE_S)

    @model_validator(mode="after")
    def _admins_see_everything(self) -> NewToken:
        if Scope.ADMIN in self.scopes and "*" not in self.queues:
            # It could make itself a token for the other queues.
            message = (
                "a token with the scope admin must see all queues: leave queues out"
            )
            raise ValueError(message)
        return self


class Rotation(Model):
    """The body of `POST /api/v1/tokens/{id}/rotate`.

    Attributes:
        overlap_s: Seconds for which the old text stays good.
    """

    overlap_s: int = Field(default=3600, ge=0, le=MAX_OVERLAP_S)
