"""`/api/v1/tasks` and `/api/v1/openapi.json`: what can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response

from services.api import openapi

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
        tasks = [_document(self.catalogue[name]) for name in sorted(self.catalogue)]
        return Response(
            msgspec.json.encode({"tasks": tasks}), content_type="application/json"
        )

    def openapi(self) -> Response:
        """Describe the API to programs."""
        description = openapi.document(self.catalogue, version=version("nightshift"))
        return Response(
            msgspec.json.encode(description), content_type="application/json"
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
