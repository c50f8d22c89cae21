"""Every request is part of a trace: its caller's, or one that begins with it."""

from __future__ import annotations

from contextlib import ExitStack
from http import HTTPStatus

from flask import Flask, Response, g, request

from services.api.id_converter import plain
from shared import tracing

#: Machines ask for these every few seconds; nobody looks for their traces.
_UNTRACED = frozenset({"/livez", "/readyz", "/metrics"})


def register(app: Flask) -> None:
    """Trace the requests of `app`."""

    @app.before_request
    def begin() -> None:
        if request.path in _UNTRACED:
            return
        stack = g.trace = ExitStack()
        route = plain(request.url_rule.rule) if request.url_rule else "unmatched"
        g.span = stack.enter_context(
            tracing.span(
                f"{request.method} {route}",
                tracing.Kind.SERVER,
                parent=tracing.accepted(request.headers.get(tracing.HEADER)),
                http_route=route,
                request_id=g.request_id,
            )
        )

    @app.after_request
    def note(response: Response) -> Response:
        if "span" in g:
            g.span.note(http_status=response.status_code)
            if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                g.span.fail(str(response.status_code))
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "trace" in g:
            g.pop("trace").close()
