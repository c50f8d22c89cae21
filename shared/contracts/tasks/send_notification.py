"""`send-notification`: a message to people, through named channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import Line
from shared.contracts.retry import Backoff

ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class SendNotification(Model):
    """What to say, and where.

    A reminder is the same with a `delay` among the job's options.

    Attributes:
        channels: Names of channels of NIGHTSHIFT_NOTIFY_CHANNELS.
        title: One line.
        body: The text.
        kind: What it is about, for services that show it.
    """

    channels: list[ChannelName] = Field(min_length=1, max_length=20)
    title: Annotated[Line, StringConstraints(max_length=250)] = ""
    body: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]
    kind: Literal["info", "success", "warning", "failure"] = "info"


class NotificationSent(Model):
    """Who took it.

    Attributes:
        channels: The channels, all of whose services took it.
        attempt: The attempt that reached the last of them.
    """

    channels: list[str]
    attempt: int


CONTRACT = TaskContract(
    name="send-notification",
    queue="notification",
    summary="Sends a message through named channels: chat, push, SMS.",
    data=SendNotification,
    result=NotificationSent,
    defaults=TaskDefaults(
        attempts=6,
        backoff=Backoff(type="exponential", delay=5_000, jitter=0.2),
        timeout_ms=60_000,
    ),
    idempotent_by="A service that took the message is noted and not called again.",
)
