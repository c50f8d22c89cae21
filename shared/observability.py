"""What every service tells of itself: log lines, its build, traces, error reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import error_reports, logging, metrics, tracing

if TYPE_CHECKING:
    from structlog.typing import Processor

    from shared.settings import CommonSettings


def begin(
    service: str, settings: CommonSettings, *, context: tuple[Processor, ...] = ()
) -> None:
    """Let this process be observed as its settings say.

    Args:
        service: Name of the process.
        settings: Its settings.
        context: Steps that add to every log line what only this service knows.

    Raises:
        ConfigurationError: When something is asked for that is not installed.
    """
    version = settings.nightshift_version
    logging.configure(
        service=service,
        level=settings.nightshift_log_level,
        context=(*context, tracing.add_trace),
    )
    metrics.announce(version, settings.nightshift_revision)
    tracing.configure(
        service=service,
        version=version,
        endpoint=settings.nightshift_otlp_endpoint,
        ratio=settings.nightshift_otlp_ratio,
    )
    error_reports.configure(
        service=service,
        version=version,
        dsn=settings.nightshift_sentry_dsn.get_secret_value(),
    )


def end() -> None:
    """Send what waits to be sent; a receiver that is away costs a few seconds."""
    tracing.flush()
    error_reports.flush()
