"""Unexpected errors, reported to Sentry when it is configured.

A report holds the error's type and text, the code lines of its traceback and which job
it was: no local variables, no request bodies, no headers, no log lines, no environment.
The library comes with the extra `sentry` and is not imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Longest text of an error that leaves the process, in characters.
MAX_TEXT = 1_000
#: Longest wait for Sentry at the end of the process, in seconds.
FLUSH_S = 2.0


class Reporter(Protocol):
    """Where errors are reported."""

    def report(
        self, error: BaseException, tags: Mapping[str, str], clean: Callable[[str], str]
    ) -> None:
        """Send one, its texts made clean, without waiting for it."""

    def flush(self) -> None:
        """Send what is left."""


_reporters: list[Reporter] = []


def configure(*, service: str, version: str, dsn: str) -> None:
    """Report errors of this process from now on; without a DSN, none.

    Raises:
        ConfigurationError: When there is a DSN and it is none, or the extra is missing.
    """
    _reporters.clear()
    if not dsn:
        return
    try:
        from shared.error_reports.sentry import SentryReporter  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = (
            "NIGHTSHIFT_SENTRY_DSN is set and Sentry's library is not installed: "
            "install requirements/observability.txt, or take the setting away."
        )
        raise ConfigurationError(message) from error
    _reporters.append(SentryReporter(service=service, version=version, dsn=dsn))


def report(
    error: BaseException, *, clean: Callable[[str], str] = str, **tags: str
) -> None:
    """Report an error that nobody expected; it never raises.

    Args:
        error: The error.
        clean: Takes what must not be said out of its text.
        tags: What it was about, of few values or an id: job_id, queue, task, trace_id.
    """
    for reporter in _reporters:
        reporter.report(error, tags, clean)


def flush() -> None:
    """Send the reports that wait, before the process ends."""
    for reporter in _reporters:
        reporter.flush()
