"""JSON logs: one line per event on standard error, event names are constants."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, Processor


def configure(
    *,
    service: str,
    level: str = "INFO",
    stream: TextIO | None = None,
    context: tuple[Processor, ...] = (),
) -> None:
    """Send structlog's and the standard library's records to `stream` as JSON lines.

    Args:
        service: Name of the process, on every line of every thread.
        level: Lowest level that is written, such as `INFO`.
        stream: Where to write; standard error when None.
        context: Steps that add to every line what only this service knows.
    """

    def add_service(_logger: object, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared_steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        *context,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared_steps],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    structlog.configure(
        processors=[
            *shared_steps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelName(level)
        ),
        cache_logger_on_first_use=True,
    )


def get(name: str) -> FilteringBoundLogger:
    """Return the logger called `name`."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger
