"""Writes down who changed what, and who tried without being allowed to."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from services.api import permissions
from services.api.current import current_request
from shared import logging
from shared.access.audit_log import AuditEntry
from shared.access.principal import Principal, Scope
from shared.errors import BrokerError

if TYPE_CHECKING:
    from flask import Request

    from shared.access.audit_log import AuditLog

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_LONGEST_TARGET = 300

_log = logging.get(__name__)


def register(app: Flask, log: AuditLog) -> None:
    """Keep a record of every change that is made through `app`."""

    @app.after_request
    def record(response: Response) -> Response:
        caller: Principal | None = g.get("principal")
        if caller is not None and _is_worth_it(current_request(), response.status_code):
            _write(log, _entry(caller, response.status_code))
        return response


def _is_worth_it(request: Request, status: int) -> bool:
    if request.endpoint is None:
        return False
    if status == HTTPStatus.FORBIDDEN:
        return True
    if request.method not in _CHANGING or status >= HTTPStatus.BAD_REQUEST:
        return False
    # Putting jobs in is daily work; the jobs themselves are its record.
    return permissions.scope_of(request.endpoint, request.method) is not Scope.WRITE


def _entry(caller: Principal, status: int) -> AuditEntry:
    return AuditEntry(
        actor=caller.id,
        actor_name=caller.name,
        action=request.endpoint or "",
        target=request.path[:_LONGEST_TARGET],
        status=status,
        request_id=g.get("request_id", ""),
        address=request.remote_addr or "",
    )


def _write(log: AuditLog, entry: AuditEntry) -> None:
    # The line in the log stays when Redis can't take the entry.
    _log.info(
        "audit",
        actor=entry.actor,
        action=entry.action,
        target=entry.target,
        status=entry.status,
    )
    try:
        log.write(entry)
    except BrokerError as error:
        _log.error("audit_entry_lost", action=entry.action, reason=str(error))
