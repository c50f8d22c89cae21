"""Actions on many jobs: how many it would be, the way back, how far it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from flask import redirect, url_for

from services.api.auth import principal
from services.api.errors import OperationNotFoundError, WrongStateError
from services.api.ui import flash
from services.api.ui.bulk_plans import FINAL, OFFERED, UNDO_MS
from shared import clock
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.stores.operations import Operation
    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

_ID = re.compile(r"[0-9a-z]{20}")
_LISTED = 50


@dataclass(frozen=True)
class OperationPages:
    """The pages."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/operations", "operations", self.index)
        routes.get("/operations/<operation_id>", "operation", self.show)
        routes.post("/operations/<operation_id>/confirm", "confirm_bulk", self.confirm)
        routes.post("/operations/<operation_id>/stop", "stop_bulk", self.stop)

    def index(self) -> Response:
        """Show the latest operations."""
        person = principal()
        found = self.services.operations.recent(limit=_LISTED)
        shown = [one for one in found if person.sees(one.queue)]
        for one in shown:
            self.services.plans.look_after(one)
        return self.services.views.page("operations.html", operations=shown)

    def show(self, operation_id: str) -> Response:
        """Show one, and what to do with it."""
        operation = self._find(operation_id)
        self.services.plans.look_after(operation)
        left_ms = operation.created + UNDO_MS - clock.now_ms()
        wanted = msgspec.json.decode(bytes(operation.filter))
        states = wanted.pop("states", None) or [JobState.WAITING.value]
        return self.services.views.page(
            "operation.html",
            operation=operation,
            verb=OFFERED[JobState(states[0])].get(operation.action, operation.action),
            state=states[0],
            filters=wanted,
            is_final=operation.action in FINAL,
            left_s=max(0, round(left_ms / 1000)),
        )

    def confirm(self, operation_id: str) -> AnyResponse:
        """Do what was counted, after a moment."""
        counted = self._find(operation_id)
        if not counted.dry_run or counted.state != "done":
            raise WrongStateError("This was not counted to its end; count again.")
        operation = self.services.plans.confirm(counted)
        return redirect(url_for("ui.operation", operation_id=operation.id), code=303)

    def stop(self, operation_id: str) -> AnyResponse:
        """Take it back, or stop it on its way."""
        operation = self._find(operation_id)
        had_begun = operation.state != "pending"
        self.services.plans.take_back(operation)
        text = "It stops after the present batch." if had_begun else "Taken back."
        target = url_for("ui.operation", operation_id=operation_id)
        return flash.back(target, text)

    def _find(self, operation_id: str) -> Operation:
        known = _ID.fullmatch(operation_id)
        operation = self.services.operations.find(operation_id) if known else None
        if operation is None or not principal().sees(operation.queue):
            raise OperationNotFoundError
        return operation
