"""What can go wrong at the HTTP edge, and how each error of ours is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors import (
    InvalidDataError,
    InvalidNameError,
    NightshiftError,
    RedisFullError,
    RedisUnavailableError,
    StorageError,
    StoredFileNotFoundError,
    StoredFileTooLargeError,
    UnknownTaskError,
)
from shared.schedules.book import ScheduleMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping


class RequestError(NightshiftError):
    """Raised when a request can't be answered as it is; the base of the edge."""


class UnauthorizedError(RequestError):
    """Raised when a request carries no token or a wrong one."""

    def __init__(self) -> None:
        """Say the same whatever was wrong: the answer must not help to guess."""
        super().__init__("Send the API token in the header `Authorization: Bearer …`.")


class ForbiddenError(RequestError):
    """Raised when the token is good, but not for this."""


class TokenNotFoundError(RequestError):
    """Raised when no token has the given id."""

    def __init__(self) -> None:
        """Say the same for an id that never was and for a revoked one."""
        super().__init__("There is no such token; it never existed or was revoked.")


class KeyReusedError(RequestError):
    """Raised when an idempotency key comes with another request than before."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "This Idempotency-Key came with another request before; take a new one."
        )


class StillInFlightError(RequestError):
    """Raised when the first request with an idempotency key is not answered yet."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "A request with this Idempotency-Key is being carried out; try again soon."
        )


class WrongStateError(RequestError):
    """Raised when a job is in a state in which it can't do what is asked."""


class OperationNotFoundError(RequestError):
    """Raised when no operation has the given id."""

    def __init__(self) -> None:
        """Say the same for an id that never was and for one that expired."""
        super().__init__("There is no such operation; it never existed or expired.")


class UnknownCursorError(RequestError):
    """Raised when a cursor leads nowhere."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This is no cursor of this list; begin without one.")


class QuotaReachedError(RequestError):
    """Raised when a queue holds as many jobs as it may."""


class NoRoomError(RequestError):
    """Raised when too many callers wait at a time."""


class MalformedBodyError(RequestError):
    """Raised when a body is not the strict JSON, or the form, that we accept."""


class UnsupportedBodyError(RequestError):
    """Raised when a body has another content type or encoding than we accept."""


class BodyTooLargeError(RequestError):
    """Raised when a body is larger than its limit."""


class InvalidParameterError(RequestError):
    """Raised when a query parameter or a header is not usable."""

    def __init__(self, parameter: str, detail: str) -> None:
        """Remember which parameter and what is wrong with it."""
        self.parameter = parameter
        self.detail = detail
        super().__init__(f"{parameter}: {detail}.")


class UnknownQueueError(RequestError):
    """Raised when no task uses the given queue."""

    def __init__(self, known: tuple[str, ...]) -> None:
        """Name the queues that the caller may know of."""
        hint = f"known queues: {', '.join(known)}" if known else "this token sees none"
        super().__init__(f"There is no such queue; {hint}.")


class JobNotFoundError(RequestError):
    """Raised when a queue has no job with the given id."""

    def __init__(self) -> None:
        """Say the same for an id that never was and for one that was removed."""
        super().__init__("There is no such job; it never existed or was removed.")


class TaskNotInQueueError(UnknownTaskError):
    """Raised when a queue has no task of the given name."""

    def __init__(self, name: str, *, queue: str, known: tuple[str, ...]) -> None:
        """Name the tasks that the queue has."""
        super().__init__(name, known)
        self.args = (
            f"Queue {queue!r} has no task named {name!r}; it has: {', '.join(known)}.",
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a class of errors is answered.

    Attributes:
        status: HTTP status.
        slug: Last part of the problem's type; it never changes.
        title: The same for every problem of the type.
        headers: Headers that the answer carries.
        detail: Fixed text, when the error's own must not be shown.
    """

    status: int
    slug: str
    title: str
    headers: Mapping[str, str] | None = None
    detail: str | None = None


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="nightshift"'}

INTERNAL = Answer(
    status=500,
    slug="internal-error",
    title="Something broke on our side",
    detail="The request failed unexpectedly; its requestId finds it in the logs.",
)

#: The one table; the first class that fits an error decides.
ANSWERS: tuple[tuple[type[Exception], Answer], ...] = (
    (
        UnauthorizedError,
        Answer(
            status=401, slug="unauthorized", title="Token needed", headers=_CHALLENGE
        ),
    ),
    (
        ForbiddenError,
        Answer(status=403, slug="forbidden", title="Not allowed with this token"),
    ),
    (
        TokenNotFoundError,
        Answer(status=404, slug="token-not-found", title="Token not found"),
    ),
    (
        KeyReusedError,
        Answer(
            status=422,
            slug="idempotency-key-reused",
            title="The Idempotency-Key was used for another request",
        ),
    ),
    (
        StillInFlightError,
        Answer(
            status=409,
            slug="request-in-flight",
            title="The first request is still being carried out",
            headers={"Retry-After": "1"},
        ),
    ),
    (
        WrongStateError,
        Answer(status=409, slug="wrong-state", title="The job's state forbids it"),
    ),
    (
        OperationNotFoundError,
        Answer(status=404, slug="operation-not-found", title="Operation not found"),
    ),
    (
        UnknownCursorError,
        Answer(status=404, slug="unknown-cursor", title="No such page"),
    ),
    (
        QuotaReachedError,
        Answer(
            status=429,
            slug="quota-reached",
            title="The queue holds as many jobs as it may",
            headers={"Retry-After": "5"},
        ),
    ),
    (
        NoRoomError,
        Answer(
            status=503,
            slug="too-many-waiting",
            title="Too many callers wait",
            headers={"Retry-After": "5"},
        ),
    ),
    (
        MalformedBodyError,
        Answer(status=400, slug="malformed-body", title="The body can't be read"),
    ),
    (
        UnsupportedBodyError,
        Answer(status=415, slug="unsupported-body", title="Unsupported body"),
    ),
    (
        BodyTooLargeError,
        Answer(status=413, slug="body-too-large", title="The body is too large"),
    ),
    (
        StoredFileTooLargeError,
        Answer(status=413, slug="file-too-large", title="The file is too large"),
    ),
    (
        InvalidParameterError,
        Answer(status=422, slug="invalid-parameter", title="A parameter is invalid"),
    ),
    (
        UnknownTaskError,
        Answer(status=422, slug="unknown-task", title="Unknown task"),
    ),
    (
        InvalidDataError,
        Answer(status=422, slug="invalid-data", title="The request is invalid"),
    ),
    (
        UnknownQueueError,
        Answer(status=404, slug="unknown-queue", title="Unknown queue"),
    ),
    (
        JobNotFoundError,
        Answer(status=404, slug="job-not-found", title="Job not found"),
    ),
    (
        InvalidNameError,
        Answer(status=422, slug="invalid-name", title="A name is invalid"),
    ),
    (
        ScheduleMissingError,
        Answer(
            status=404,
            slug="schedule-not-found",
            title="Schedule not found",
            detail="There is no such schedule; it never existed or was removed.",
        ),
    ),
    (
        StoredFileNotFoundError,
        Answer(
            status=404,
            slug="file-not-found",
            title="File not found",
            detail="There is no such file; it never existed or was removed.",
        ),
    ),
    (
        StorageError,
        Answer(
            status=503,
            slug="storage-unavailable",
            title="The file store can't be used",
            headers={"Retry-After": "10"},
            detail="The file store is full or broken. Try again later.",
        ),
    ),
    (
        RedisFullError,
        Answer(
            status=503,
            slug="queue-full",
            title="The queue is full",
            headers={"Retry-After": "10"},
            detail="There is no room for another job now. Try again later.",
        ),
    ),
    (
        RedisUnavailableError,
        Answer(
            status=503,
            slug="queue-unavailable",
            title="The queue can't be reached",
            headers={"Retry-After": "2"},
            detail=(
                "Redis does not answer now. Try again; with opts.jobId a repeated "
                "POST creates no second job."
            ),
        ),
    ),
)


def answer_for(error: Exception) -> Answer:
    """Return how `error` is answered; anything unknown is our fault."""
    for kind, answer in ANSWERS:
        if isinstance(error, kind):
            return answer
    return INTERNAL
