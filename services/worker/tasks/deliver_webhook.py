"""Posts a signed event, as Standard Webhooks says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from services.worker.webhooks import delivery, retry_after, signature
from services.worker.webhooks.delivery import WebhookError
from shared import clock
from shared.contracts.tasks.deliver_webhook import DeliverWebhook, WebhookDelivered
from shared.errors import RetryLaterError, UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.webhooks.delivery import Answer

#: Longest time from the look-up of the host to the end of its answer, in seconds.
DELIVERY_S = 20.0
_GONE = 410
_COME_BACK = frozenset({429, 503})
#: How much of an answer goes into the job's log, in characters.
_QUOTE_LENGTH = 300


def run(data: DeliverWebhook, context: JobContext) -> WebhookDelivered:
    """Sign the event and post it; only a 2xx answer counts as delivered."""
    body = _body(data, created_ms=context.created_ms)
    answer = delivery.post(
        data.url,
        body=body,
        headers=_headers(body, context),
        reach=delivery.Reach(
            deadline=min(context.deadline, time.monotonic() + DELIVERY_S),
            allow_private=context.settings.nightshift_webhook_allow_private,
        ),
    )
    _check(answer, context)
    return WebhookDelivered(
        status=answer.status,
        duration_ms=answer.duration_ms,
        attempt=context.attempt,
    )


def _body(data: DeliverWebhook, *, created_ms: int) -> bytes:
    happened_ms = created_ms if data.timestamp is None else data.timestamp
    happened = datetime.fromtimestamp(happened_ms / 1000, UTC)
    return msgspec.json.encode(
        {
            "type": data.type,
            "timestamp": happened.isoformat(timespec="milliseconds"),
            "data": data.payload,
        }
    )


def _headers(body: bytes, context: JobContext) -> dict[str, str]:
    key = context.settings.webhook_key
    if key is None:
        message = (
            "Webhooks can't be signed: set NIGHTSHIFT_WEBHOOK_SECRET for the worker."
        )
        raise UnrecoverableError(message)
    event_id = signature.webhook_id(context.job_id)
    timestamp_s = clock.now_ms() // 1000
    return {
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": "Nightshift-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature.sign(
            key, event_id=event_id, timestamp_s=timestamp_s, body=body
        ),
    }


def _check(answer: Answer, context: JobContext) -> None:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return
    _quote(answer, context)
    if answer.status == _GONE:
        message = "The receiver answered 410 Gone: it wants no more events."
        raise UnrecoverableError(message)
    message = f"The receiver answered {answer.status}."
    if answer.status in _COME_BACK and answer.retry_after:
        wait_ms = retry_after.delay_ms(answer.retry_after, now=datetime.now(UTC))
        if wait_ms is not None:
            raise RetryLaterError(message, delay_ms=wait_ms)
    raise WebhookError(message)


def _quote(answer: Answer, context: JobContext) -> None:
    text = answer.body.decode("utf-8", "replace")
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    quote = " ".join(printable.split())[:_QUOTE_LENGTH]
    context.log(f"Attempt {context.attempt}: {answer.status} {quote}".rstrip())
