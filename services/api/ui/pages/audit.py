"""The audit log: who changed what, and who tried."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import request, url_for

from services.api import query
from shared.access.principal import Scope

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

_PLACE = r"[0-9]{1,15}-[0-9]{1,10}"
_LIMIT = 50


@dataclass(frozen=True)
class AuditPage:
    """The page, for admins."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/audit", "audit", self.show, scope=Scope.ADMIN)

    def show(self) -> Response:
        """Show changes, newest first."""
        before = query.text(request.args, "before", pattern=_PLACE) or "+"
        entries = self.services.audit_log.page(before=before, limit=_LIMIT)
        more = entries[-1].id if len(entries) == _LIMIT else ""
        return self.services.views.page(
            "audit.html",
            entries=entries,
            is_first=before == "+",
            first=url_for("ui.audit") if before != "+" else "",
            following=url_for("ui.audit", before=more) if more else "",
            refused=HTTPStatus.FORBIDDEN,
        )
