"""What is configured: the api's settings, and what each task does by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api.ui import known_settings
from shared.access.principal import Scope

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services


@dataclass(frozen=True)
class SettingsPage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/settings", "settings", self.show, scope=Scope.ADMIN)

    def show(self) -> Response:
        """Show the settings, without secrets, and the tasks with their defaults."""
        services = self.services
        contracts = sorted(services.catalogue.values(), key=lambda c: (c.queue, c.name))
        return services.views.page(
            "settings.html",
            known=known_settings.shown(services.settings),
            contracts=contracts,
        )
