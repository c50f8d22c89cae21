"""Errors as pages: what happened, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import abort, g, request
from werkzeug.exceptions import HTTPException

from services.api.errors import answer_for
from shared import logging
from shared.errors import BrokerError

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.views import Views

_HELP = {
    HTTPStatus.FORBIDDEN: "Your role does not allow this. An admin can change that.",
    HTTPStatus.NOT_FOUND: "It may have been removed, or never have existed.",
    HTTPStatus.TOO_MANY_REQUESTS: "Wait a moment, then try again.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "Redis does not answer. Jobs that were accepted are safe; this page works "
        "again as soon as Redis does."
    ),
}
_DEFAULT_HELP = "If it happens again, tell an operator the number below."

_log = logging.get(__name__)


@dataclass(frozen=True)
class ErrorPages:
    """Answers every error of the dashboard."""

    views: Views

    def register(self, routes: Routes) -> None:
        """Answer the errors of all `routes`, and addresses that lead nowhere."""
        routes.blueprint.register_error_handler(HTTPException, self._from_http)
        routes.blueprint.register_error_handler(Exception, self._from_error)
        routes.get("/<path:rest>", "nowhere", _nowhere, scope=None)

    def _from_http(self, error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
        return self._page(status, status.phrase, error.description or "")

    def _from_error(self, error: Exception) -> Response:
        answer = answer_for(error)
        status = HTTPStatus(answer.status)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            is_ours = status == HTTPStatus.INTERNAL_SERVER_ERROR
            _log.error(
                "page_failed",
                status=status,
                reason=str(error),
                path=request.path,
                exc_info=error if is_ours else None,
            )
        return self._page(status, answer.title, answer.detail or str(error))

    def _page(self, status: HTTPStatus, title: str, detail: str) -> Response:
        context = {
            "title": title,
            "detail": detail,
            "code": int(status),
            "help": _HELP.get(status, _DEFAULT_HELP),
            "request_id": g.get("request_id", ""),
        }
        try:
            return self.views.page("error.html", status=status, **context)
        except BrokerError:
            # The sidebar needs Redis, and that is what does not answer.
            return self.views.bare("error.html", status=status, **context)


def _nowhere(rest: str) -> Response:  # noqa: ARG001 - any address
    abort(404)
