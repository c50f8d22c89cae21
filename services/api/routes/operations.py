"""`/api/v1/operations`: how far bulk actions have come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from services.api import query
from services.api.addresses import OPERATIONS
from services.api.auth import principal
from services.api.errors import OperationNotFoundError
from services.api.json_answer import json_answer

if TYPE_CHECKING:
    from services.api.bulk_actions import BulkActions
    from services.api.stores.operations import Operation, OperationStore

_ID = re.compile(r"[0-9a-z]{20}")


@dataclass(frozen=True, kw_only=True)
class OperationRoutes:
    """The routes and what they need."""

    operations: OperationStore
    actions: BulkActions

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("operations", __name__, url_prefix=OPERATIONS)
        routes.get("")(self.index)
        routes.get("/<operation_id>")(self.show)
        routes.post("/<operation_id>/stop")(self.stop)
        return routes

    def index(self) -> Response:
        """Show the newest operations."""
        caller = principal()
        found = self.operations.recent(limit=query.limit(request.args))
        shown = [operation_document(o) for o in found if caller.sees(o.queue)]
        return json_answer({"operations": shown})

    def show(self, operation_id: str) -> Response:
        """Show an operation."""
        operation = self._find(operation_id)
        if operation.runs:
            # Whoever worked on it may be gone: then this process goes on.
            self.actions.submit(operation.id)
        headers = {"Retry-After": "1"} if operation.runs else None
        return json_answer(operation_document(operation), headers=headers)

    def stop(self, operation_id: str) -> Response:
        """Stop an operation; what it has done stays done."""
        operation = self._find(operation_id)
        if operation.runs or operation.state == "pending":
            self.operations.ask_to_stop(operation_id)
        if operation.runs:
            self.actions.submit(operation_id)
        return json_answer(operation_document(operation), status=202)

    def _find(self, operation_id: str) -> Operation:
        known = _ID.fullmatch(operation_id)
        operation = self.operations.find(operation_id) if known else None
        if operation is None or not principal().sees(operation.queue):
            raise OperationNotFoundError
        return operation


def operation_document(operation: Operation) -> dict[str, Any]:
    """Return what people see of an operation."""
    return {
        "id": operation.id,
        "queue": operation.queue,
        "action": operation.action,
        "filter": operation.filter,
        "dryRun": operation.dry_run,
        "limit": operation.limit,
        "perSecond": operation.per_second,
        "state": operation.state,
        "created": operation.created,
        "finished": operation.finished,
        "total": operation.total,
        "lookedAt": operation.looked_at,
        "matched": operation.matched,
        "changed": operation.changed,
        "skipped": operation.skipped,
        "error": operation.error,
    }
