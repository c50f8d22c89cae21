"""Redis: whether it is well, and what would hurt it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api.auth import principal
from services.api.ui import redis_health
from shared.broker.connection import translated_errors
from shared.broker.doctor import Doctor, Finding, Severity

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

_ORDER = {Severity.BAD: 0, Severity.WARNING: 1, Severity.GOOD: 2}


@dataclass(frozen=True)
class RedisPage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/redis", "redis", self.show)

    def show(self) -> Response:
        """Show the server's figures, and what the doctor says."""
        services = self.services
        with translated_errors():
            health = redis_health.read(services.client.info())
        findings = sorted(self._findings(), key=lambda found: _ORDER[found.severity])
        return services.views.page(
            "redis.html",
            health=health,
            findings=findings,
            durability=services.settings.nightshift_durability,
            watermark=services.settings.nightshift_memory_watermark,
        )

    def _findings(self) -> list[Finding]:
        """Return what the doctor finds, but for queues that the caller does not see."""
        services = self.services
        doctor = Doctor(
            services.client,
            namespace=services.settings.nightshift_namespace,
            inspector=services.inspector,
        )
        caller = principal()
        return [
            found
            for found in doctor.examine()
            if not found.subject.startswith("queue ")
            or caller.sees(found.subject.removeprefix("queue "))
        ]
