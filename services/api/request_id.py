"""Every request has an id: the caller's, if it is a sane one, or a new one."""

from __future__ import annotations

import re

import structlog
from flask import Flask, Response, g

from services.api.current import current_request, memory
from shared.ids import new_id

HEADER = "X-Request-Id"
_SANE = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


def register(app: Flask) -> None:
    """Give every request of `app` an id, in its answer and on its log lines."""

    @app.before_request
    def take() -> None:
        asked = current_request().headers.get(HEADER, "")
        request_id = asked if _SANE.fullmatch(asked) else new_id()
        memory().request_id = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)

    @app.after_request
    def give(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        return response

    @app.teardown_request
    def forget(_: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")
