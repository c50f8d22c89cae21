"""Which job the present thread runs, for its log lines."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

    from shared.broker.delivery import Delivery

current_job: ContextVar[Delivery | None] = ContextVar("current_job", default=None)


def add_job(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the present job to a log line, as a step of structlog's pipeline."""
    del logger, method
    job = current_job.get()
    if job is not None:
        event.setdefault("job_id", job.job_id)
        event.setdefault("queue", job.queue)
        event.setdefault("task", job.record.task)
    return event
