"""Posts an event and takes the receiver's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.worker.egress.exchange import NoAnswerError, Outgoing, Reach, exchange
from shared.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Reach", "WebhookError", "post"]

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


def post(url: str, *, body: bytes, headers: Mapping[str, str], reach: Reach) -> Answer:
    """Post `body` to `url`, without following redirects.

    Raises:
        UnrecoverableError: When the address may not be called.
        WebhookError: When there is no answer.
    """
    outgoing = Outgoing(method="POST", url=url, headers=headers, body=body)
    try:
        with exchange(outgoing, reach=reach, who="The receiver") as answer:
            beginning, _ = answer.beginning(MAX_ANSWER_BYTES)
            return Answer(
                status=answer.status,
                retry_after=answer.headers.get("retry-after", ""),
                body=beginning,
                duration_ms=answer.duration_ms,
            )
    except NoAnswerError as error:
        raise WebhookError(str(error)) from error
