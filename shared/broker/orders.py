"""What scripts are told to do with a job, and how an outcome becomes such an order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from shared.contracts.contract import GENERAL_DEFAULTS
from shared.jobs.outcome import Cancelled, Completed, Failed, Outcome, Released, Retried

if TYPE_CHECKING:
    from shared.broker.delivery import Delivery
    from shared.contracts.retention import Retention


class NewJob(NamedTuple):
    """A job to be created; `operation` marks the same request sent again.

    `expires_in_ms` is empty for a job that may start at any time; `callback` is what
    its caller wants to be told, or empty.
    """

    job_id: str
    operation: str
    task: str
    priority: int
    delay_ms: int
    record: bytes
    expires_in_ms: int | str = ""
    group: str = ""
    deduplication: str = ""
    deduplication_mode: str = ""
    callback: str = ""


class StopOrder(NamedTuple):
    """A running job that its worker gave up; `attempt` is JSON without its end."""

    job_id: str
    token: str
    attempt: bytes


class Completion(NamedTuple):
    """A job's good end; `returnvalue` is JSON text."""

    job_id: str
    token: str
    returnvalue: bytes
    keep: Retention


class RetryOrder(NamedTuple):
    """A failed attempt that another follows; `attempt` is JSON without its end."""

    job_id: str
    token: str
    delay_ms: int
    reason: str
    kind: str
    stacktrace: str
    attempt: bytes


class FailureOrder(NamedTuple):
    """A job's bad end; `attempt` is JSON without its end."""

    job_id: str
    token: str
    reason: str
    kind: str
    stacktrace: str
    attempt: bytes
    keep: Retention


class ReleaseOrder(NamedTuple):
    """A job handed back; `attempt` is empty when task code had not begun."""

    job_id: str
    token: str
    delay_ms: int = 0
    attempt: bytes = b""


Order = Completion | RetryOrder | FailureOrder | ReleaseOrder | StopOrder


def order_of(delivery: Delivery, outcome: Outcome) -> Order:
    """Return the order that applies an attempt's outcome."""
    job_id, token, policy = delivery.job_id, delivery.token, delivery.policy
    match outcome:
        case Completed(returnvalue):
            return Completion(job_id, token, returnvalue, policy.keep_completed)
        case Retried(delay_ms, why):
            attempt = _attempt(delivery, "retried", why.reason)
            return RetryOrder(
                job_id, token, delay_ms, why.reason, why.kind, why.stacktrace, attempt
            )
        case Failed(why):
            attempt = _attempt(delivery, "failed", why.reason)
            keep = policy.keep_failed
            return FailureOrder(
                job_id, token, why.reason, why.kind, why.stacktrace, attempt, keep
            )
        case Cancelled():
            return StopOrder(job_id, token, _attempt(delivery, "cancelled"))
        case Released(started, delay_ms, reason):
            attempt = _attempt(delivery, "released", reason) if started else b""
            return ReleaseOrder(job_id, token, delay_ms, attempt)


def refusal(job_id: str, token: str, *, reason: str, now_ms: int) -> FailureOrder:
    """Return the order that fails a job whose record can't be read."""
    attempt = _opening(worker="", started=now_ms, outcome="failed", error=reason)
    keep = GENERAL_DEFAULTS.keep_failed
    return FailureOrder(job_id, token, reason, "invalid", "", attempt, keep)


def _attempt(delivery: Delivery, outcome: str, error: str = "") -> bytes:
    return _opening(
        worker=delivery.worker,
        started=delivery.processed_on,
        outcome=outcome,
        error=error,
    )


def _opening(**document: str | int) -> bytes:
    # Without its closing brace: the script adds when the attempt finished.
    return json.dumps(document).encode()[:-1]
