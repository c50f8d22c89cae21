"""Every error leaves as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from services.api.errors import Answer, InvalidParameterError, answer_for
from shared import error_reports, logging
from shared.errors import InvalidDataError, UnknownTaskError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MEDIA_TYPE = "application/problem+json"
#: A body may break its model in thousands of places; these many are listed.
MAX_ERRORS = 50

_ENCODER = msgspec.json.Encoder()
_log = logging.get(__name__)


def register(app: Flask) -> None:
    """Answer every error of `app` with a problem document."""
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_error)


def _from_error(error: Exception) -> Response:
    answer = answer_for(error)
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        unexpected = answer.status == HTTPStatus.INTERNAL_SERVER_ERROR
        _log.error(
            "request_failed",
            status=answer.status,
            type=answer.slug,
            reason=str(error),
            method=request.method,
            path=request.path,
            exc_info=error if unexpected else None,
        )
        if unexpected:
            error_reports.report(error, request_id=g.get("request_id", ""))
    detail = answer.detail or str(error)
    return document(answer, detail=detail, errors=_errors(error))


def of(error: Exception) -> dict[str, Any]:
    """Return the problem document of an error of ours, for a part of an answer."""
    answer = answer_for(error)
    return _body(answer, detail=answer.detail or str(error), errors=_errors(error))


def _from_http(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    kept = ("Allow", "Retry-After", "WWW-Authenticate")
    headers = {k: v for k, v in error.get_headers() if k in kept}
    answer = Answer(
        status=status,
        slug=status.phrase.lower().replace(" ", "-"),
        title=status.phrase,
        headers=headers,
    )
    return document(answer, detail=error.description or status.description)


def _errors(error: Exception) -> list[dict[str, str]]:
    if isinstance(error, InvalidDataError):
        return [{"pointer": p.pointer, "detail": p.detail} for p in error.problems]
    if isinstance(error, UnknownTaskError):
        return [{"pointer": "/name", "detail": str(error)}]
    if isinstance(error, InvalidParameterError):
        return [{"parameter": error.parameter, "detail": error.detail}]
    return []


def document(
    answer: Answer, *, detail: str, errors: Iterable[Mapping[str, str]] = ()
) -> Response:
    """Return a problem document about the current request."""
    response = Response(
        _ENCODER.encode(_body(answer, detail=detail, errors=errors)),
        status=int(answer.status),
        content_type=MEDIA_TYPE,
    )
    response.headers.update(answer.headers or {})
    return response


def _body(
    answer: Answer, *, detail: str, errors: Iterable[Mapping[str, str]]
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": f"/problems/{answer.slug}",
        "title": answer.title,
        "status": int(answer.status),
        "detail": detail,
        "instance": request.path,
        "requestId": g.get("request_id", ""),
    }
    if listed := list(errors)[:MAX_ERRORS]:
        body["errors"] = listed
    return body
