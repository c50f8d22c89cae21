"""Posts a signed event, as Standard Webhooks says."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from services.worker.egress.circuit import Circuit
from services.worker.egress.client import checked_url, place_of
from services.worker.webhooks import delivery, retry_after, signature
from services.worker.webhooks.delivery import WebhookError
from services.worker.webhooks.endpoint import Endpoint, Entry
from shared import clock
from shared.contracts.retry import backoff_ms
from shared.contracts.tasks.deliver_webhook import (
    CONTRACT,
    DeliverWebhook,
    WebhookDelivered,
)
from shared.errors import RetryLaterError, TaskError, UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.webhooks.delivery import Answer

#: Longest time from the look-up of the host to the end of its answer, in seconds.
DELIVERY_S = 20.0
_GONE = 410
_COME_BACK = frozenset({429, 503})
_SERVERS_FAULT = 500
#: How much of an answer goes into the job's log, in characters.
_QUOTE_LENGTH = 300


def run(data: DeliverWebhook, context: JobContext) -> WebhookDelivered:
    """Sign the event and post it; only a 2xx answer counts as delivered."""
    body = _body(data, created_ms=context.created_ms)
    headers = _headers(body, context)
    allow_private = context.settings.nightshift_webhook_allow_private
    place = place_of(checked_url(data.url, allow_private=allow_private))
    endpoint, circuit = (
        Endpoint(context.memory, data.url),
        Circuit(context.memory, place),
    )
    _check_endpoint(endpoint, data)
    _check_circuit(circuit, place, context)
    started = time.monotonic()
    try:
        answer = delivery.post(
            data.url,
            body=body,
            headers=headers,
            reach=delivery.Reach(
                deadline=min(context.deadline, started + DELIVERY_S),
                allow_private=allow_private,
            ),
        )
    except TaskError as error:
        _note(endpoint, data, context, started=started, error=str(error))
        if isinstance(error, WebhookError):
            circuit.failed()
        raise
    _report(answer, circuit)
    failure = _failure(answer)
    reason = str(failure) if failure else ""
    _note(endpoint, data, context, started=started, error=reason, status=answer.status)
    if failure is not None:
        _quote(answer, context)
        if answer.status == _GONE:
            endpoint.set_gone(context.job_id)
        raise failure
    if data.reopen:
        endpoint.reopen()
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
    keys = context.settings.webhook_keys
    if not keys:
        message = (
            "Webhooks can't be signed: set NIGHTSHIFT_WEBHOOK_SECRET for the worker."
        )
        raise UnrecoverableError(message)
    event_id = signature.webhook_id(context.job_id)
    timestamp_s = clock.now_ms() // 1000
    return {
        "content-type": "application/json",
        "user-agent": "Nightshift-Webhooks/1",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signature.sign_with_all(
            keys, event_id=event_id, timestamp_s=timestamp_s, body=body
        ),
    }


def _check_endpoint(endpoint: Endpoint, data: DeliverWebhook) -> None:
    if endpoint.is_gone and not data.reopen:
        message = (
            "The receiver answered 410 Gone before and is not called any more; a "
            "delivery with reopen tries it again."
        )
        raise UnrecoverableError(message)


def _check_circuit(circuit: Circuit, place: str, context: JobContext) -> None:
    wait_ms = circuit.wait_ms()
    if not wait_ms:
        return
    # Not before the job would have come back after a failure of its own: the break
    # of a host never uses up attempts faster than the host itself.
    dice = random.random()  # noqa: S311 - spreads retries, guards nothing
    usual_ms = backoff_ms(
        CONTRACT.defaults.backoff, attempts_made=context.attempt, dice=dice
    )
    message = f"{place} failed several times in a row and is left alone for now."
    raise RetryLaterError(message, delay_ms=max(wait_ms, usual_ms))


def _report(answer: Answer, circuit: Circuit) -> None:
    # An answer that asks to come back comes from a host that is alive.
    is_sick = answer.status >= _SERVERS_FAULT and not answer.retry_after
    if is_sick:
        circuit.failed()
    else:
        circuit.succeeded()


def _failure(answer: Answer) -> TaskError | None:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
        return None
    if answer.status == _GONE:
        message = "The receiver answered 410 Gone: it wants no more events."
        return UnrecoverableError(message)
    message = f"The receiver answered {answer.status}."
    if answer.status in _COME_BACK and answer.retry_after:
        wait_ms = retry_after.delay_ms(answer.retry_after, now=datetime.now(UTC))
        if wait_ms is not None:
            return RetryLaterError(message, delay_ms=wait_ms)
    return WebhookError(message)


def _note(
    endpoint: Endpoint,
    data: DeliverWebhook,
    context: JobContext,
    *,
    started: float,
    error: str,
    status: int | None = None,
) -> None:
    endpoint.note(
        Entry(
            at=clock.now_ms(),
            job_id=context.job_id,
            attempt=context.attempt,
            type=data.type,
            status=status,
            duration_ms=round((time.monotonic() - started) * 1000),
            error=error,
        )
    )


def _quote(answer: Answer, context: JobContext) -> None:
    text = answer.body.decode("utf-8", "replace")
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    quote = " ".join(printable.split())[:_QUOTE_LENGTH]
    context.log(f"Attempt {context.attempt}: {answer.status} {quote}".rstrip())
