"""Dramatiq's Retries with our policy: fixed or exponential backoff per job."""

from __future__ import annotations

import random
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dramatiq.errors import Retry
from dramatiq.middleware import Retries, Shutdown, TimeLimitExceeded

from services.worker import redaction
from shared import logging
from shared.broker.delivery import JobMessage
from shared.errors import RetryLaterError
from shared.jobs.outcome import Cancelled, Failure, Released, Retried, decide, describe

if TYPE_CHECKING:
    from dramatiq import Broker, MessageProxy

    from shared.broker.delivery import Delivery

_TRACEBACK_FRAMES = 30

_log = logging.get(__name__)


class BackoffRetries(Retries):
    """Decides what follows a failed attempt.

    Tasks with a contract follow their job's policy; plain Dramatiq actors keep
    Dramatiq's own options (`max_retries`, `throws`, `retry_when` ...).
    """

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Leave the decision on the message, for the acknowledgement to apply."""
        if exception is None:
            return
        if isinstance(message, JobMessage) and message.delivery.is_unwanted:
            # Whatever it raised, it was told to stop.
            message.outcome = Cancelled()
        elif isinstance(message, JobMessage) and isinstance(exception, Shutdown):
            message.outcome = Released()
        elif isinstance(message, JobMessage) and message.has_contract:
            self._apply(broker, message, exception)
        else:
            super().after_process_message(  # type: ignore[no-untyped-call]  # Dramatiq
                broker, message, result=result, exception=exception
            )

    def _apply(
        self, broker: Broker, message: JobMessage, exception: BaseException
    ) -> None:
        job = message.delivery
        failure = _failure(exception, job)
        if isinstance(exception, Retry):
            exception = RetryLaterError(str(exception), delay_ms=exception.delay or 0)
        outcome = decide(
            job.policy,
            attempts_made=job.attempts_made + 1,
            error=exception,
            failure=failure,
            dice=random.random(),  # noqa: S311 - spreads retries, guards nothing
        )
        message.outcome = outcome
        if isinstance(outcome, Retried):
            _log.info("job_retried", reason=failure.reason, delay_ms=outcome.delay_ms)
            broker.enqueue(message, delay=outcome.delay_ms)  # type: ignore[arg-type]  # a proxy, as Dramatiq's own
        elif isinstance(outcome, Released):
            _log.info("job_put_off", reason=failure.reason, delay_ms=outcome.delay_ms)
        else:
            _log.warning("job_failed", reason=failure.reason, kind=failure.kind)
            message.fail()


def _failure(exception: BaseException, job: Delivery) -> Failure:
    if isinstance(exception, TimeLimitExceeded):
        seconds = job.policy.timeout_ms / 1000
        return Failure("timeout", f"It ran longer than its limit of {seconds:g} s.")
    trace = "".join(traceback.format_exception(exception, limit=-_TRACEBACK_FRAMES))
    said = describe(exception, stacktrace=redaction.clean(trace))
    return replace(said, reason=redaction.clean(said.reason))
