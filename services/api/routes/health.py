"""`/livez`, `/readyz` and `/metrics`, for machines that look after the process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from shared.exposition import CONTENT_TYPE, Exposition

if TYPE_CHECKING:
    from services.api.queue_gauges import QueueGauges
    from shared.broker.inspector import Inspector


@dataclass(frozen=True, kw_only=True)
class HealthRoutes:
    """The routes and what they need.

    Attributes:
        probe: Reads through a client of its own, so that a probe answers in time.
        gauges: What a scrape brings up to date.
        exposition: Writes what a scrape gets.
    """

    probe: Inspector
    gauges: QueueGauges
    exposition: Exposition = field(default_factory=Exposition)

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("health", __name__)
        routes.get("/livez")(self.live)
        routes.get("/readyz")(self.ready)
        routes.get("/metrics")(self.metrics)
        return routes

    def live(self) -> Response:
        """Tell that the process answers; Redis is not asked, a restart helps it not."""
        return jsonify(status="ok")

    def ready(self) -> Response:
        """Tell whether jobs can be taken."""
        self.probe.ping()
        return jsonify(status="ok")

    def metrics(self) -> Response:
        """Tell the numbers."""
        self.gauges.refresh()
        return Response(self.exposition.text(), content_type=CONTENT_TYPE)
