"""One queue: its jobs by state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api import queue_names

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services


@dataclass(frozen=True)
class QueuePage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/queue/<queue>", "queue", self.show)

    def show(self, queue: str) -> Response:
        """Show a queue."""
        queue_names.check(self.services.catalogue, queue)
        return self.services.views.page("queue.html", queue_name=queue)
