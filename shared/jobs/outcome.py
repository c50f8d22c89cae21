"""How an attempt ended, decided purely and applied once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.retry import backoff_ms
from shared.errors import InvalidDataError, RetryLaterError, UnrecoverableError

if TYPE_CHECKING:
    from shared.jobs.options import Policy

#: Longest reason and traceback that are kept, in characters.
MAX_REASON = 1_000
MAX_STACKTRACE = 20_000


@dataclass(frozen=True)
class Failure:
    """What went wrong in an attempt.

    Attributes:
        kind: `error`, `timeout` or `invalid`.
        reason: One line.
        stacktrace: The traceback, empty when it says nothing.
    """

    kind: str
    reason: str
    stacktrace: str = ""


@dataclass(frozen=True)
class Completed:
    """The attempt did its work; `returnvalue` is JSON text."""

    returnvalue: bytes = b"null"


@dataclass(frozen=True)
class Retried:
    """The attempt failed and another follows after `delay_ms` milliseconds."""

    delay_ms: int
    failure: Failure


@dataclass(frozen=True)
class Failed:
    """The attempt failed and none follows."""

    failure: Failure


@dataclass(frozen=True)
class Released:
    """The attempt does not count.

    Attributes:
        started: Whether task code had begun to run.
        delay_ms: Wait before the next one, in milliseconds; 0 goes to the front.
        reason: Why, one line; empty when it was interrupted.
    """

    started: bool = True
    delay_ms: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Cancelled:
    """The attempt was stopped because the job's cancellation was asked for."""


Outcome = Completed | Retried | Failed | Released | Cancelled


def describe(
    error: BaseException, *, stacktrace: str = "", kind: str = "error"
) -> Failure:
    """Put an exception into words, cut to what is kept."""
    first_line = str(error).strip().split("\n", 1)[0]
    expected = isinstance(
        error, (UnrecoverableError, RetryLaterError, InvalidDataError)
    )
    reason = first_line if expected and first_line else _titled(error, first_line)
    if isinstance(error, InvalidDataError):
        kind = "invalid"
    return Failure(kind, reason[:MAX_REASON], stacktrace[-MAX_STACKTRACE:])


def _titled(error: BaseException, line: str) -> str:
    title = type(error).__name__
    return f"{title}: {line}" if line else title


def decide(
    policy: Policy,
    *,
    attempts_made: int,
    error: BaseException,
    failure: Failure,
    dice: float,
) -> Retried | Failed | Released:
    """Decide what follows a failed attempt.

    Args:
        policy: What holds for the job.
        attempts_made: Failed attempts, this one included.
        error: What the attempt raised.
        failure: The same in words.
        dice: A random number, 0 or more and below 1, for the jitter.
    """
    if isinstance(error, (UnrecoverableError, InvalidDataError)):
        return Failed(failure)
    if isinstance(error, RetryLaterError) and not error.uses_attempt:
        return Released(delay_ms=error.delay_ms, reason=failure.reason)
    if attempts_made >= policy.attempts:
        return Failed(failure)
    if isinstance(error, RetryLaterError):
        return Retried(error.delay_ms, failure)
    wait = backoff_ms(policy.backoff, attempts_made=attempts_made, dice=dice)
    return Retried(wait, failure)
