"""Posts an event and takes the receiver's answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from services.worker.egress.client import checked_url, open_client
from services.worker.egress.resolver import resolve
from shared.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.worker.egress.resolver import Resolver

#: Most bytes of an answer that are read.
MAX_ANSWER_BYTES = 64 * 1024


class WebhookError(TaskError):
    """Raised when the receiver didn't take the event; another attempt may help."""


@dataclass(frozen=True)
class Answer:
    """What the receiver said.

    Attributes:
        status: HTTP status.
        retry_after: Its header of this name, empty without one.
        body: The beginning of the answer.
        duration_ms: From the connection to the end of the answer, in milliseconds.
    """

    status: int
    retry_after: str
    body: bytes
    duration_ms: int


@dataclass(frozen=True)
class Reach:
    """Where and how long a post may go.

    Attributes:
        deadline: When it is over, in `time.monotonic()` seconds.
        allow_private: Whether loopback and private networks are allowed, too.
        resolver: Finds addresses.
    """

    deadline: float
    allow_private: bool
    resolver: Resolver = resolve


def post(url: str, *, body: bytes, headers: Mapping[str, str], reach: Reach) -> Answer:
    """Post `body` to `url`, without following redirects.

    Raises:
        UnrecoverableError: When the address may not be called.
        WebhookError: When there is no answer.
    """
    target = checked_url(url, allow_private=reach.allow_private)
    started = time.monotonic()
    try:
        with (
            open_client(
                deadline=reach.deadline,
                allow_private=reach.allow_private,
                resolver=reach.resolver,
            ) as client,
            client.stream(
                "POST", target, content=body, headers=dict(headers)
            ) as response,
        ):
            return Answer(
                status=response.status_code,
                retry_after=response.headers.get("retry-after", ""),
                body=_beginning(response),
                duration_ms=round((time.monotonic() - started) * 1000),
            )
    except httpx2.TimeoutException as error:
        message = "The receiver did not answer in time."
        raise WebhookError(message) from error
    except httpx2.HTTPError as error:
        message = f"The receiver can't be reached: {error}"
        raise WebhookError(message) from error


def _beginning(response: httpx2.Response) -> bytes:
    content = b""
    for chunk in response.iter_raw():
        content += chunk
        if len(content) >= MAX_ANSWER_BYTES:
            break
    return content[:MAX_ANSWER_BYTES]
