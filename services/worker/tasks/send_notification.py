"""Sends a message through the channels that the configuration names."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from services.worker.notifications import sender
from services.worker.notifications.sender import NotSentError
from shared.contracts.tasks.send_notification import NotificationSent, SendNotification
from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext

#: Longest time for one service, in seconds.
_SERVICE_S = 20.0
#: Time that the end of the job keeps for itself, in seconds.
_RESERVE_S = 2.0


def run(data: SendNotification, context: JobContext) -> NotificationSent:
    """Try every channel; what one took it does not get again."""
    known = context.settings.notify_channels
    wanted = list(dict.fromkeys(data.channels))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "none"
        message = (
            f"There is no channel {unknown[0]!r}; NIGHTSHIFT_NOTIFY_CHANNELS names "
            f"{names}."
        )
        raise UnrecoverableError(message)
    failures = {}
    for name in wanted:
        for url in known[name]:
            try:
                _send_once(url, data, context)
            except TaskError as error:
                # The others get it all the same.
                failures[name] = error
                context.log(f"Attempt {context.attempt}, {name}: {error}")
    if failures:
        raise _failure(failures)
    return NotificationSent(channels=wanted, attempt=context.attempt)


def _send_once(url: str, data: SendNotification, context: JobContext) -> None:
    def work() -> bytes:
        left_s = max(0.1, context.remaining_s() - _RESERVE_S)
        sender.send(url, data, timeout_s=min(_SERVICE_S, left_s))
        return b"1"

    # An address holds a secret, and a key of Redis is no place for one.
    context.once(hashlib.sha256(url.encode()).hexdigest()[:32], work)


def _failure(failures: dict[str, TaskError]) -> TaskError:
    names = ", ".join(failures)
    if all(isinstance(error, UnrecoverableError) for error in failures.values()):
        return UnrecoverableError(f"These channels can't be used: {names}.")
    return NotSentError(f"These channels did not take the message: {names}.")
