"""`/api/v1/tasks` and `/api/v1/openapi.json`: what can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app

from services.api import queue_names
from services.api.json_answer import json_answer
from services.api.openapi.document import document

if TYPE_CHECKING:
    from shared.contracts.catalogue import AnyContract, Catalogue


@dataclass(frozen=True, kw_only=True)
class TaskRoutes:
    """The routes and what they need."""

    catalogue: Catalogue

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("tasks", __name__, url_prefix="/api/v1")
        routes.get("/tasks")(self.index)
        routes.get("/openapi.json")(self.openapi)
        return routes

    def index(self) -> Response:
        """Show every task."""
        queues = queue_names.visible(self.catalogue)
        found = [c for _, c in sorted(self.catalogue.items()) if c.queue in queues]
        return json_answer({"tasks": [_document(contract) for contract in found]})

    def openapi(self) -> Response:
        """Describe the API to programs."""
        return json_answer(
            document(
                self.catalogue,
                current_app.url_map,
                version=version("nightshift"),
                queues=queue_names.visible(self.catalogue),
            )
        )


def _document(contract: AnyContract) -> dict[str, Any]:
    defaults = contract.defaults
    return {
        "name": contract.name,
        "queue": contract.queue,
        "summary": contract.summary,
        "idempotentBy": contract.idempotent_by or None,
        "data": contract.data.model_json_schema(mode="validation"),
        "result": contract.result.model_json_schema(mode="serialization"),
        "defaults": {
            "attempts": defaults.attempts,
            "backoff": defaults.backoff.model_dump(by_alias=True),
            "timeout": defaults.timeout_ms,
            "priority": defaults.priority,
            "removeOnComplete": defaults.keep_completed.model_dump(by_alias=True),
            "removeOnFail": defaults.keep_failed.model_dump(by_alias=True),
        },
    }
