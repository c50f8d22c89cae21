"""Reads the log of one receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.egress.circuit import Circuit
from services.worker.egress.client import checked_url, place_of
from services.worker.webhooks.endpoint import Endpoint
from shared.contracts.tasks.list_webhook_deliveries import (
    ListWebhookDeliveries,
    WebhookAttempt,
    WebhookDeliveries,
)

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: ListWebhookDeliveries, context: JobContext) -> WebhookDeliveries:
    """Return what the memory holds."""
    endpoint = Endpoint(context.memory, data.url)
    place = place_of(checked_url(data.url, allow_private=True))
    return WebhookDeliveries(
        is_gone=endpoint.is_gone,
        left_alone_ms=Circuit(context.memory, place).break_ms,
        deliveries=[
            WebhookAttempt(
                at=entry.at,
                job_id=entry.job_id,
                attempt=entry.attempt,
                type=entry.type,
                status=entry.status,
                duration_ms=entry.duration_ms,
                error=entry.error,
            )
            for entry in endpoint.deliveries()
        ],
    )
