"""`/api/v1/workers`: who does the work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from services.api.auth import principal
from services.api.json_answer import json_answer

if TYPE_CHECKING:
    from shared.access.principal import Principal
    from shared.broker.inspector import Inspector
    from shared.broker.presence import WorkerInfo
    from shared.contracts.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True)
class WorkerRoutes:
    """The routes and what they need."""

    inspector: Inspector
    catalogue: Catalogue

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("workers", __name__, url_prefix="/api/v1/workers")
        routes.get("")(self.index)
        return routes

    def index(self) -> Response:
        """Show the workers that serve a queue of the caller's."""
        caller = principal()
        shown = [self._document(w, caller) for w in self.inspector.workers()]
        return json_answer({"workers": [w for w in shown if w["queues"]]})

    def _document(self, worker: WorkerInfo, caller: Principal) -> dict[str, Any]:
        queues = [queue for queue in worker.queues if caller.sees(queue)]
        tasks = [
            task
            for task in worker.tasks
            if (contract := self.catalogue.get(task)) and caller.sees(contract.queue)
        ]
        running = [at for at in worker.running if caller.sees(at.partition("/")[0])]
        return {
            "name": worker.name,
            "host": worker.host,
            "pid": worker.pid,
            "queues": queues,
            "tasks": tasks,
            "threads": worker.threads,
            "busy": len(worker.running),
            "running": running,
            "started": worker.started,
            "seen": worker.seen,
            "version": worker.version,
        }
