"""Rate, errors and duration of requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flask import Flask, Response, g

from services.api.current import current_request
from services.api.id_converter import plain
from shared.metrics import HTTP_IN_PROGRESS, HTTP_REQUESTS, HTTP_SECONDS

if TYPE_CHECKING:
    from flask import Request

#: Their first increase must be seen: it may be the only one.
_STATUSES_TO_WATCH = (500, 503)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def register(app: Flask) -> None:
    """Count and time every request of `app`."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        HTTP_IN_PROGRESS.inc()

    @app.after_request
    def observe(response: Response) -> Response:
        request = current_request()
        route, method = _route(request), _method(request)
        HTTP_REQUESTS.labels(method, route, response.status_code).inc()
        HTTP_SECONDS.labels(route).observe(time.perf_counter() - g.began)
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "began" in g:
            HTTP_IN_PROGRESS.dec()


def prepare_series(app: Flask) -> None:
    """Begin the counts of failures at 0; `app` has all its routes by now."""
    for rule in app.url_map.iter_rules():
        route = plain(rule.rule)
        HTTP_SECONDS.labels(route)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for status in _STATUSES_TO_WATCH:
                HTTP_REQUESTS.labels(method, route, status)


def _route(request: Request) -> str:
    """Return the route's template: a path would make a series per job."""
    return plain(request.url_rule.rule) if request.url_rule else "unmatched"


def _method(request: Request) -> str:
    return request.method if request.method in _METHODS else "other"
