"""Hands a message to Apprise, one address at a time."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    import apprise

    from shared.contracts.tasks.send_notification import SendNotification


class NotSentError(TaskError):
    """Raised when a channel did not take the message; another attempt may help."""


def send(url: str, data: SendNotification, *, timeout_s: float) -> None:
    """Send the message to one address.

    Raises:
        UnrecoverableError: When Apprise knows no such service.
        NotSentError: When the service did not take it, or not in time.
    """
    # Here, as the package takes a third of a second and 40 MB to load, and most
    # workers never notify anybody.
    import apprise  # noqa: PLC0415

    # It has limits for one connection and one answer; the whole is limited below.
    limits = {"cto": min(10.0, timeout_s), "rto": min(10.0, timeout_s)}
    service = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        message = "The address of a channel is not one that Apprise understands."
        raise UnrecoverableError(message)
    service.socket_connect_timeout = limits["cto"]
    service.socket_read_timeout = limits["rto"]
    _notify(service, data, timeout_s=timeout_s)


def _notify(
    service: apprise.NotifyBase, data: SendNotification, *, timeout_s: float
) -> None:
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask() -> None:
        # A service that drips can't be interrupted; this thread may outlive the call.
        try:
            answers.put(
                bool(
                    service.notify(
                        title=data.title, body=data.body, notify_type=data.kind
                    )
                )
            )
        except Exception:  # noqa: BLE001 - a plug-in may raise anything: it did not send
            answers.put(False)

    threading.Thread(target=ask, name="apprise", daemon=True).start()
    try:
        taken = answers.get(timeout=timeout_s)
    except queue.Empty:
        message = "The service did not answer in time."
        raise NotSentError(message) from None
    if not taken:
        message = "The service did not take the message."
        raise NotSentError(message)
