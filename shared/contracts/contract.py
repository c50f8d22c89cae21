"""A contract says what a task is; the worker's implementation does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.contracts.model import Model
from shared.contracts.retention import Retention
from shared.contracts.retry import Backoff

D = TypeVar("D", bound=Model)
R = TypeVar("R", bound=Model)

__all__ = ["Model", "TaskContract", "TaskDefaults"]


@dataclass(frozen=True, kw_only=True)
class TaskDefaults:
    """The options of a job that does not bring its own.

    Attributes:
        attempts: Total number of attempts, the first included.
        backoff: Wait between attempts.
        timeout_ms: Longest run of one attempt, in milliseconds.
        priority: 1 runs first.
        keep_completed: How long completed jobs stay.
        keep_failed: How long failed and cancelled jobs stay.
    """

    attempts: int = 3
    backoff: Backoff = field(default_factory=lambda: Backoff(delay=1000, jitter=0.2))
    timeout_ms: int = 60_000
    priority: int = 5
    keep_completed: Retention = field(
        default_factory=lambda: Retention(age=86_400, count=10_000)
    )
    keep_failed: Retention = field(
        default_factory=lambda: Retention(age=7 * 86_400, count=10_000)
    )


#: What holds for a job whose task is not known here.
GENERAL_DEFAULTS = TaskDefaults()


@dataclass(frozen=True, kw_only=True)
class TaskContract(Generic[D, R]):
    """A kind of work: its name, where it queues, what goes in and what comes out.

    Attributes:
        name: The task's name in the API, such as `send-email`.
        queue: The queue its jobs wait in.
        summary: One sentence for the catalogue and the docs.
        data: Model of a job's data.
        result: Model of a job's return value.
        defaults: Options of a job that does not bring its own.
        idempotent_by: What makes a second run harmless, as a sentence; empty when
            a second run repeats the effect.
        redacted: Names of data fields that must never be shown or logged.
    """

    name: str
    queue: str
    summary: str
    data: type[D]
    result: type[R]
    defaults: TaskDefaults = GENERAL_DEFAULTS
    idempotent_by: str = ""
    redacted: frozenset[str] = frozenset()
