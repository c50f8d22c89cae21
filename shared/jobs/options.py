"""The options of one job, with BullMQ's names and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator

from shared.contracts.contract import GENERAL_DEFAULTS, TaskDefaults
from shared.contracts.fields import WebAddress
from shared.contracts.model import Model
from shared.contracts.retention import Retention
from shared.contracts.retry import Backoff
from shared.jobs import names

#: The two ids and the flags, as the standard writes version 00.
TRACE_PATTERN = r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"
MAX_DELAY_MS = 365 * 24 * 3600 * 1000
MAX_PRIORITY = 1000
MAX_TIMEOUT_MS = 24 * 3600 * 1000

Tag = Annotated[str, Field(min_length=1, max_length=64)]


class Deduplication(Model):
    """One job for all that share an id, as BullMQ has it.

    Attributes:
        id: What they share.
        ttl: Milliseconds for which the first one stands for the others; left out,
            until it ends.
        extend: Whether each further one starts the time anew.
        replace: Whether a further one takes the place of one that is still delayed.
        keep_last_if_active: Whether the last one that comes while the first runs
            follows it.
    """

    id: str = Field(pattern=names.LABEL_PATTERN)
    ttl: int | None = Field(default=None, ge=1, le=MAX_DELAY_MS)
    extend: bool = False
    replace: bool = False
    keep_last_if_active: bool = False

    def mode(self) -> str:
        """Return what the enqueue script wants to know, beside the id."""
        switches = {
            f"ttl={self.ttl}": self.ttl is not None,
            "extend": self.extend,
            "replace": self.replace,
            "keep": self.keep_last_if_active,
        }
        return ";".join(word for word, is_on in switches.items() if is_on)


class Callback(Model):
    """Whom to tell when the job has ended, with a webhook as `deliver-webhook` sends.

    Attributes:
        url: Where the receiver listens.
        events: The ends that it hears of.
    """

    url: WebAddress
    events: tuple[Literal["completed", "failed", "cancelled"], ...] = Field(
        default=("completed", "failed", "cancelled"), min_length=1, max_length=3
    )

    def wish(self) -> str:
        """Return what the scripts want to know."""
        return f"{' '.join(self.events)}\n{self.url}"


class JobOptions(Model):
    """What a caller may say about one job; what is left out, the task decides.

    Attributes:
        delay: Milliseconds to wait before the first attempt.
        priority: 1 runs first.
        attempts: Total number of attempts, the first included.
        backoff: Wait between attempts; a bare number is a fixed wait in milliseconds.
        timeout: Longest run of one attempt, in milliseconds.
        job_id: Id of the caller's choice; a second job with it is not created.
        remove_on_complete: How long the job stays after it completed.
        remove_on_fail: How long the job stays after it failed.
        expires_in: Milliseconds within which it must start, from when it is due.
        deduplication: One job for all that share an id.
        group: Whose it is (a tenant, a customer, a host): groups are served in turn.
        tags: Words to find it by.
        callback: Whom to tell when it has ended.
        stack_trace_limit: How many lines of a traceback are kept.
        trace: The W3C `traceparent` that led to it; the request's own when left out.
    """

    delay: int | None = Field(default=None, ge=0, le=MAX_DELAY_MS)
    priority: int | None = Field(default=None, ge=1, le=MAX_PRIORITY)
    attempts: int | None = Field(default=None, ge=1, le=1000)
    backoff: Backoff | None = None
    timeout: int | None = Field(default=None, ge=100, le=MAX_TIMEOUT_MS)
    job_id: str | None = Field(default=None, pattern=names.JOB_ID_PATTERN)
    remove_on_complete: Retention | None = None
    remove_on_fail: Retention | None = None
    expires_in: int | None = Field(default=None, ge=1, le=MAX_DELAY_MS)
    deduplication: Deduplication | None = None
    group: str | None = Field(default=None, pattern=names.LABEL_PATTERN)
    tags: tuple[Tag, ...] | None = Field(default=None, max_length=20)
    callback: Callback | None = None
    stack_trace_limit: int | None = Field(default=None, ge=0, le=1000)
    trace: str | None = Field(default=None, max_length=55, pattern=TRACE_PATTERN)

    def with_trace(self, traceparent: str) -> Self:
        """Return the same options as part of a trace, unless they are of one."""
        if not traceparent or self.trace is not None:
            return self
        return self.model_copy(update={"trace": traceparent})

    @field_validator("backoff", mode="before")
    @classmethod
    def _bare_number_is_a_fixed_wait(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return Backoff(type="fixed", delay=value)
        return value


class StoredOptions(JobOptions):
    """Options as Redis has them.

    A newer version may have written fields that this one does not know: while both are
    deployed, they are kept and shown, and the job runs by what is known of it.
    """

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds for one job: its options over its task's defaults.

    Attributes:
        delay_ms: Wait before the first attempt, in milliseconds.
        priority: 1 runs first.
        attempts: Total number of attempts.
        backoff: Wait between attempts.
        timeout_ms: Longest run of one attempt, in milliseconds.
        keep_completed: How long the job stays after it completed.
        keep_failed: How long the job stays after it failed.
        stack_trace_limit: How many lines of a traceback are kept; None means all.
    """

    delay_ms: int
    priority: int
    attempts: int
    backoff: Backoff
    timeout_ms: int
    keep_completed: Retention
    keep_failed: Retention
    stack_trace_limit: int | None = None


def resolve(options: JobOptions, defaults: TaskDefaults = GENERAL_DEFAULTS) -> Policy:
    """Lay a job's options over its task's defaults."""
    return Policy(
        delay_ms=options.delay or 0,
        priority=options.priority or defaults.priority,
        attempts=options.attempts or defaults.attempts,
        backoff=options.backoff or defaults.backoff,
        timeout_ms=options.timeout or defaults.timeout_ms,
        keep_completed=options.remove_on_complete or defaults.keep_completed,
        keep_failed=options.remove_on_fail or defaults.keep_failed,
        stack_trace_limit=options.stack_trace_limit,
    )
