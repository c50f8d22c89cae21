"""`deliver-webhook`: an event, posted and signed as Standard Webhooks says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import WebAddress
from shared.contracts.retry import Backoff


class DeliverWebhook(Model):
    """What happened, and whom to tell.

    Attributes:
        url: Where the receiver listens.
        type: Kind of event, such as `invoice.paid`.
        payload: What the receiver gets as `data`.
        timestamp: When it happened, epoch milliseconds; left out, when the job came in.
        reopen: Try a receiver that said 410 Gone before, and go on if it answers 2xx.
    """

    url: WebAddress
    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+([.-][A-Za-z0-9_]+)*$")] = Field(
        max_length=100
    )
    payload: dict[str, JsonValue] = Field(default_factory=dict)
    timestamp: int | None = Field(default=None, ge=0, le=253_402_300_799_999)
    reopen: bool = False


class WebhookDelivered(Model):
    """What the receiver answered.

    Attributes:
        status: HTTP status, 200 to 299.
        duration_ms: Milliseconds from the connection to the end of the answer.
        attempt: The attempt that got through, 1 being the first.
    """

    status: int
    duration_ms: int
    attempt: int


CONTRACT = TaskContract(
    name="deliver-webhook",
    queue="webhook",
    summary="Posts a signed event to a web address and expects a 2xx answer.",
    data=DeliverWebhook,
    result=WebhookDelivered,
    defaults=TaskDefaults(
        attempts=10,
        backoff=Backoff(type="exponential", delay=5_000, jitter=0.2),
        timeout_ms=30_000,
    ),
    idempotent_by="Every attempt carries the same webhook-id, for the receiver to see.",
)
