"""Runs each job within its trace, and reports the errors that end jobs."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
from dramatiq import Middleware

from services.worker import redaction
from shared import error_reports, observability, tracing
from shared.broker.delivery import JobMessage
from shared.jobs.outcome import Failed, Retried

if TYPE_CHECKING:
    from dramatiq import Broker, MessageProxy, Worker

    from shared.broker.delivery import Delivery


class _Carried(msgspec.Struct):
    trace: str = ""


_CARRIED = msgspec.json.Decoder(_Carried)


class JobTraces(Middleware):
    """Stands outside of the retries, so it sees what they decided."""

    def __init__(self) -> None:
        """Begin with no job running."""
        self._running: dict[int, tuple[ExitStack, tracing.Span]] = {}

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Send what waits to be sent."""
        del broker, worker
        observability.end()

    def before_process_message(self, broker: Broker, message: MessageProxy) -> None:
        """Go on with the trace that the job carries."""
        del broker
        if not isinstance(message, JobMessage):
            return
        job = message.delivery
        carried = _carried(job)
        if not carried and not tracing.is_exporting():
            return
        stack = ExitStack()
        span = stack.enter_context(
            tracing.span(
                f"run {job.record.task}",
                tracing.Kind.CONSUMER,
                parent=carried,
                job_id=job.job_id,
                queue=job.queue,
                task=job.record.task,
                attempt=job.attempts_made + 1,
            )
        )
        self._running[threading.get_ident()] = stack, span

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """End the span, and report what ended the job."""
        del broker, result
        if not isinstance(message, JobMessage):
            return
        outcome = message.outcome
        if exception is not None and isinstance(outcome, Failed):
            _report(exception, message.delivery)
        stack, span = self._running.pop(threading.get_ident(), (None, None))
        if stack is None or span is None:
            return
        if isinstance(outcome, (Failed, Retried)):
            span.fail(outcome.failure.kind)
        stack.close()

    def after_skip_message(self, broker: Broker, message: MessageProxy) -> None:
        """A skipped message ends like any other."""
        self.after_process_message(broker, message)


def _carried(job: Delivery) -> str:
    options = job.record.options
    # Most jobs carry none, and this is asked for each of them.
    return _CARRIED.decode(options).trace if b'"trace"' in options else ""


def _report(exception: BaseException, job: Delivery) -> None:
    error_reports.report(
        exception,
        clean=redaction.clean,
        job_id=job.job_id,
        queue=job.queue,
        task=job.record.task,
    )
