"""`/api/v1/audit`: who changed what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from services.api import query
from services.api.json_answer import json_answer

if TYPE_CHECKING:
    from shared.access.audit_log import AuditLog

_PLACE = r"[0-9]{1,15}-[0-9]{1,10}"


@dataclass(frozen=True, kw_only=True)
class AuditRoutes:
    """The routes and what they need."""

    log: AuditLog

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("audit", __name__, url_prefix="/api/v1/audit")
        routes.get("")(self.index)
        return routes

    def index(self) -> Response:
        """Show changes, newest first."""
        limit = query.limit(request.args)
        before = query.text(request.args, "cursor", pattern=_PLACE) or "+"
        entries = self.log.page(before=before, limit=limit)
        more = entries[-1].id if len(entries) == limit else None
        return json_answer({"entries": entries, "nextCursor": more})
