"""Traces: which request led to which job, and to what that job called.

A job carries its W3C `traceparent`, and log lines tell its trace id, whether spans are
exported or not. Spans are exported to an OTLP endpoint when one is configured; the
libraries for that come with the extra `otel` and are not imported before.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import EventDict, WrappedLogger

HEADER = "traceparent"
#: Version 00 of the standard; the two ids must not be all zeros.
PATTERN = r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$"

_TRACEPARENT = re.compile(PATTERN)
_current: ContextVar[str] = ContextVar("traceparent", default="")

Attributes = "Mapping[str, str | int | float | bool]"


class Kind(Enum):
    """What a span is about; the names are OpenTelemetry's."""

    SERVER = "SERVER"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"
    CLIENT = "CLIENT"


class Span(Protocol):
    """Something that takes time."""

    def note(self, **attributes: str | float) -> None:
        """Add what became known while it ran; `_` in names stands for `.`."""

    def fail(self, reason: str) -> None:
        """Mark it as failed; `reason` must hold nothing secret."""


class Exporter(Protocol):
    """Where spans go."""

    def span(
        self, name: str, kind: Kind, parent: str, attributes: dict[str, str | float]
    ) -> Iterator[tuple[Span, str]]:
        """Begin a span, tell its traceparent, and end it with the block."""

    def flush(self) -> None:
        """Send what is left."""


class _NoSpan:
    """Stands for a span that nobody exports."""

    def note(self, **attributes: str | float) -> None:
        """Forget it."""

    def fail(self, reason: str) -> None:
        """Forget it."""


_NO_SPAN = _NoSpan()
_exporters: list[Exporter] = []


def configure(*, service: str, version: str, endpoint: str, ratio: float = 1.0) -> None:
    """Export the spans of this process from now on; without an endpoint, none.

    Args:
        service: Name of the process.
        version: What it runs.
        endpoint: Base address of an OTLP receiver over HTTP, or empty.
        ratio: Share of the traces that begin here and are kept, 0 to 1; one that began
            elsewhere is kept when its caller keeps it.

    Raises:
        ConfigurationError: When there is an endpoint and the extra is not installed.
    """
    flush()
    _exporters.clear()
    if not endpoint:
        return
    try:
        from shared.tracing.otlp import OtlpExporter  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = (
            "NIGHTSHIFT_OTLP_ENDPOINT is set and OpenTelemetry is not installed: "
            "install requirements/observability.txt, or take the setting away."
        )
        raise ConfigurationError(message) from error
    _exporters.append(
        OtlpExporter(service=service, version=version, endpoint=endpoint, ratio=ratio)
    )


def is_exporting() -> bool:
    """Whether spans go anywhere."""
    return bool(_exporters)


def flush() -> None:
    """Send the spans that wait, before the process ends."""
    for exporter in _exporters:
        exporter.flush()


def current() -> str:
    """Return the traceparent of what this thread does now; empty outside a trace."""
    return _current.get()


def accepted(header: str | None) -> str:
    """Return a caller's traceparent when it is a sound one, else an empty string."""
    return header if header and _TRACEPARENT.fullmatch(header) else ""


@contextmanager
def span(
    name: str, kind: Kind, *, parent: str = "", **attributes: str | float
) -> Iterator[Span]:
    """Run the block as a span; without an exporter, only its trace goes on.

    Args:
        name: What happens, of few values: it is grouped by.
        kind: Which part it plays.
        parent: The traceparent that led here; the present one when empty.
        attributes: What is known of it; `_` in names stands for `.`.
    """
    parent = parent or _current.get()
    if not _exporters:
        with _within(parent):
            yield _NO_SPAN
        return
    begun = contextmanager(_exporters[0].span)(name, kind, parent, attributes)
    with begun as (started, traceparent), _within(traceparent):
        yield started


def add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Add the trace id to a log line, as a step of structlog's pipeline."""
    del logger, method
    traceparent = _current.get()
    if traceparent:
        event.setdefault("trace_id", traceparent.split("-")[1])
    return event


@contextmanager
def _within(traceparent: str) -> Iterator[None]:
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
