"""One HTTP request and its answer, limited in time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx2

from services.worker.egress.client import checked_url, open_client
from services.worker.egress.resolver import resolve
from shared.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.worker.egress.resolver import Resolver


class NoAnswerError(TaskError):
    """Raised when a server gave no answer, or none in time."""


@dataclass(frozen=True)
class Reach:
    """Where and how long a request may go.

    Attributes:
        deadline: When it is over, in `time.monotonic()` seconds.
        allow_private: Whether loopback and private networks are allowed, too.
        resolver: Finds addresses.
    """

    deadline: float
    allow_private: bool
    resolver: Resolver = resolve


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A request.

    Attributes:
        method: GET, POST, …
        url: Where it goes.
        headers: Its headers.
        body: Its body; None for none.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class Answer:
    """What the server said; the body comes as it is read."""

    def __init__(self, response: httpx2.Response, *, started: float, who: str) -> None:
        """Wrap `response`; `started` is in `time.monotonic()` seconds."""
        self._response = response
        self._started = started
        self._who = who
        self.status: int = response.status_code
        self.headers: Mapping[str, str] = response.headers

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the connection began."""
        return round((time.monotonic() - self._started) * 1000)

    def chunks(self) -> Iterator[bytes]:
        """Read the body in pieces.

        Raises:
            NoAnswerError: When it does not come to its end in time.
        """
        with _translated_errors(self._who):
            yield from self._response.iter_raw()

    def beginning(self, limit: int) -> tuple[bytes, bool]:
        """Return the first `limit` bytes of the body, and whether that is all."""
        content = b""
        for chunk in self.chunks():
            content += chunk
            if len(content) > limit:
                return content[:limit], False
        return content, True


@contextmanager
def exchange(outgoing: Outgoing, *, reach: Reach, who: str) -> Iterator[Answer]:
    """Send a request, without following redirects, and lend the answer.

    Args:
        outgoing: The request.
        reach: Where and how long it may go.
        who: What to call the other side in messages, such as `The receiver`.

    Raises:
        UnrecoverableError: When the address may not be called.
        NoAnswerError: When there is no answer.
    """
    target = checked_url(outgoing.url, allow_private=reach.allow_private)
    started = time.monotonic()
    with (
        _translated_errors(who),
        open_client(
            deadline=reach.deadline,
            allow_private=reach.allow_private,
            resolver=reach.resolver,
        ) as client,
        client.stream(
            outgoing.method,
            target,
            content=outgoing.body,
            headers={"accept-encoding": "identity", **outgoing.headers},
        ) as response,
    ):
        yield Answer(response, started=started, who=who)


@contextmanager
def _translated_errors(who: str) -> Iterator[None]:
    try:
        yield
    except httpx2.TimeoutException as error:
        message = f"{who} did not answer in time."
        raise NoAnswerError(message) from error
    except httpx2.HTTPError as error:
        message = f"{who} can't be reached: {error}"
        raise NoAnswerError(message) from error
