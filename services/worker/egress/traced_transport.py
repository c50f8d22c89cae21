"""Requests to others, as parts of the trace of the job that makes them."""

from __future__ import annotations

from http import HTTPStatus

import httpx2

from shared import tracing


class TracedTransport(httpx2.BaseTransport):
    """Passes requests on; while traces are exported they carry theirs."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        """Pass on to `inner`."""
        self._inner = inner

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; the span ends with the head of the answer."""
        if not tracing.is_exporting():
            return self._inner.handle_request(request)
        # Neither path nor query: they may hold what is secret.
        with tracing.span(
            f"{request.method}",
            tracing.Kind.CLIENT,
            server_address=request.url.host,
        ) as span:
            request.headers[tracing.HEADER] = tracing.current()
            response = self._inner.handle_request(request)
            span.note(http_status=response.status_code)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                span.fail(str(response.status_code))
            return response

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()
