"""Reports errors to Sentry; needs the extra `sentry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sentry_sdk
from sentry_sdk.utils import BadDsn, event_from_exception

from shared.error_reports import FLUSH_S, MAX_TEXT
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: What of an event leaves the process; the library would add more.
_KEPT = frozenset(
    {
        *("event_id", "timestamp", "platform", "level", "release", "environment"),
        *("exception", "tags", "sdk", "server_name", "transaction"),
    }
)


class SentryReporter:
    """Sends events from a thread of the library's own."""

    def __init__(self, *, service: str, version: str, dsn: str) -> None:
        """Send to the project of `dsn`.

        Raises:
            ConfigurationError: When it is no DSN.
        """
        try:
            self._client = sentry_sdk.Client(
                dsn=dsn,
                release=f"nightshift@{version}",
                # Each of them would gather what may be secret: log lines, request
                # bodies, arguments, variables.
                default_integrations=False,
                auto_enabling_integrations=False,
                include_local_variables=False,
                send_default_pii=False,
                max_request_body_size="never",
                max_breadcrumbs=0,
                before_send=_without_more_than_needed,
            )
        except BadDsn:
            message = (
                "NIGHTSHIFT_SENTRY_DSN is no DSN; Sentry shows it in the project's "
                "settings, as https://<key>@<host>/<number>."
            )
            raise ConfigurationError(message) from None
        self._service = service

    def report(
        self, error: BaseException, tags: Mapping[str, str], clean: Callable[[str], str]
    ) -> None:
        """Send one, its texts made clean, without waiting for it."""
        event, hint = event_from_exception(error, client_options=self._client.options)
        for said in event.get("exception", {}).get("values", []):
            said["value"] = clean(said.get("value") or "")
        event["tags"] = {"service": self._service, **tags}
        self._client.capture_event(event, hint=hint)

    def flush(self) -> None:
        """Send what is left, for two seconds at most."""
        self._client.flush(FLUSH_S)


def _without_more_than_needed(event: Any, hint: Any) -> Any:
    del hint
    kept = {name: value for name, value in event.items() if name in _KEPT}
    for error in kept.get("exception", {}).get("values", []):
        error["value"] = (error.get("value") or "")[:MAX_TEXT]
        for frame in error.get("stacktrace", {}).get("frames", []):
            frame.pop("vars", None)
    return kept
