"""Exports spans by OTLP over HTTP; needs the extra `otel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span as OtelSpan

    from shared.tracing import Kind

#: Longest wait for the receiver at the end of the process, in milliseconds.
FLUSH_MS = 5_000
_PATH = "/v1/traces"
_STANDARD = TraceContextTextMapPropagator()


class OtlpExporter:
    """Gathers spans and sends them in batches, from a thread of its own."""

    def __init__(
        self, *, service: str, version: str, endpoint: str, ratio: float
    ) -> None:
        """Send to `endpoint`; one that does not answer costs spans, never jobs."""
        self._provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.namespace": "nightshift",
                    "service.name": f"nightshift-{service}",
                    "service.version": version,
                }
            ),
            sampler=ParentBased(TraceIdRatioBased(ratio)),
        )
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _PATH)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("nightshift", version)

    def span(
        self, name: str, kind: Kind, parent: str, attributes: dict[str, str | float]
    ) -> Iterator[tuple[_Span, str]]:
        """Begin a span, tell its traceparent, and end it with the block."""
        begun = self._tracer.start_span(
            name,
            context=_context(parent),
            kind=SpanKind[kind.value],
            attributes=_dotted(attributes),
        )
        ours = _Span(begun)
        # The exception's text stays here: it may quote what the job was given.
        with use_span(
            begun,
            end_on_exit=True,
            record_exception=False,
            set_status_on_exception=False,
        ):
            try:
                yield ours, _traceparent(begun)
            except BaseException as error:
                ours.fail(type(error).__name__)
                raise

    def flush(self) -> None:
        """Send what is left, for a few seconds at most."""
        self._provider.force_flush(FLUSH_MS)


class _Span:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    def note(self, **attributes: str | float) -> None:
        """Add what became known while it ran."""
        self._span.set_attributes(_dotted(attributes))

    def fail(self, reason: str) -> None:
        """Mark it as failed."""
        self._span.set_status(Status(StatusCode.ERROR, reason))
        self._span.set_attribute("error.type", reason)


def _context(traceparent: str) -> Context:
    return _STANDARD.extract({"traceparent": traceparent})


def _traceparent(span: OtelSpan) -> str:
    context = span.get_span_context()
    return (
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    )


def _dotted(attributes: dict[str, str | float]) -> dict[str, str | float]:
    return {name.replace("_", "."): value for name, value in attributes.items()}
