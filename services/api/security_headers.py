"""Headers that keep a browser from doing more with an answer than show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOWER = {name.lower(): (name, value) for name, value in HEADERS.items()}


class SecurityHeaders:
    """WSGI middleware: adds the headers that an answer does not set itself.

    Below Flask, where a header costs a tenth of what its header object takes.
    """

    def __init__(self, application: WSGIApplication) -> None:
        """Wrap `application`."""
        self._application = application

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer as the application does, and more safely."""

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            own = {name.lower() for name, _ in headers}
            added = [pair for lower, pair in _LOWER.items() if lower not in own]
            return start_response(status, headers + added, *rest)

        return self._application(environ, start)
