"""The first page: every queue, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services


@dataclass(frozen=True)
class OverviewPage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("", "overview", self.show)

    def show(self) -> Response:
        """Show every queue."""
        return self.services.views.page("overview.html")
