"""`list-webhook-deliveries`: what became of the last events for one receiver."""

from __future__ import annotations

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import WebAddress


class ListWebhookDeliveries(Model):
    """Which receiver.

    Attributes:
        url: Where it listens, as in `deliver-webhook`.
    """

    url: WebAddress


class WebhookAttempt(Model):
    """One attempt to deliver.

    Attributes:
        at: When it ended, epoch milliseconds.
        job_id: Whose.
        attempt: Which, 1 being the first.
        type: Kind of event.
        status: HTTP status; null without an answer.
        duration_ms: Milliseconds it took.
        error: Why it did not count; empty when it did.
    """

    at: int
    job_id: str
    attempt: int
    type: str
    status: int | None
    duration_ms: int
    error: str


class WebhookDeliveries(Model):
    """What is known about the receiver.

    Attributes:
        is_gone: Whether it said 410 and is not called any more.
        left_alone_ms: Milliseconds for which its host is left alone after failures.
        deliveries: The last 100 attempts of the last 30 days, newest first.
    """

    is_gone: bool
    left_alone_ms: int
    deliveries: list[WebhookAttempt]


CONTRACT = TaskContract(
    name="list-webhook-deliveries",
    queue="webhook",
    summary="Tells what became of the last events for one receiver.",
    data=ListWebhookDeliveries,
    result=WebhookDeliveries,
    defaults=TaskDefaults(timeout_ms=10_000, priority=2),
    idempotent_by="It changes nothing.",
)
