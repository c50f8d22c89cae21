"""Rate, errors and duration of requests."""

from __future__ import annotations

import time

from flask import Flask, Response, g, request

from shared.metrics import HTTP_IN_PROGRESS, HTTP_REQUESTS, HTTP_SECONDS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def register(app: Flask) -> None:
    """Count and time every request of `app`."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()
        HTTP_IN_PROGRESS.inc()

    @app.after_request
    def observe(response: Response) -> Response:
        HTTP_REQUESTS.labels(_method(), _route(), response.status_code).inc()
        HTTP_SECONDS.labels(_route()).observe(time.perf_counter() - g.began)
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "began" in g:
            HTTP_IN_PROGRESS.dec()


def _route() -> str:
    """Return the route's template: a path would make a series per job."""
    return request.url_rule.rule if request.url_rule else "unmatched"


def _method() -> str:
    return request.method if request.method in _METHODS else "other"
