"""Which job the present thread runs, for its log lines."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from structlog.processors import format_exc_info

from services.worker import redaction

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from shared.broker.delivery import Delivery

current_job: ContextVar[Delivery | None] = ContextVar("current_job", default=None)


def add_job(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the present job to a log line, and take that job's secrets out of it.

    A step of structlog's pipeline.
    """
    secrets = redaction.current.get()
    if secrets is not None:
        # A traceback is made into text at the end of the pipeline; that is too late.
        event = format_exc_info(logger, method, event)
        for name, value in event.items():
            if isinstance(value, str | list | dict):
                event[name] = secrets.value(value)
    job = current_job.get()
    if job is not None:
        event.setdefault("job_id", job.job_id)
        event.setdefault("queue", job.queue)
        event.setdefault("task", job.record.task)
    return event
