"""The form that creates or changes a schedule, with a look at its first slots."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import request, url_for

from services.api.errors import UnknownQueueError
from services.api.schedule_schemas import schedule_document
from services.api.ui import schedule_form
from services.api.ui.flash import back
from services.api.ui.form_errors import by_field
from services.api.ui.schedule_access import ScheduleAccess
from shared.access.principal import Scope
from shared.errors import InvalidDataError, Problem
from shared.schedules.book import ScheduleMissingError
from shared.schedules.definition import ScheduleDefinition
from shared.schedules.policies import Misfire, Overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.schedules.preview import Run
    from shared.schedules.record import StoredSchedule

_RUNS = 8
_WRONG = HTTPStatus.UNPROCESSABLE_ENTITY
_MISFIRE = {
    Misfire.SKIP: "skip them",
    Misfire.ONCE: "fire the latest one",
    Misfire.ALL: "fire them all",
}
_OVERLAP = {
    Overlap.ALLOW: "fire anyway",
    Overlap.SKIP: "skip the slot",
    Overlap.BUFFER_ONE: "fire one slot when it has ended",
    Overlap.CANCEL_PREVIOUS: "cancel it, then fire",
}


@dataclass(frozen=True)
class EditSchedulePage:
    """The form."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        operate = Scope.OPERATE
        routes.get("/new-schedule", "schedule_new", self.new, scope=operate)
        routes.post("/new-schedule", "schedule_add", self.add)
        one = "/schedules/<schedule_id>/edit"
        routes.get(one, "schedule_edit", self.edit, scope=operate)
        routes.post(one, "schedule_change", self.change)

    def new(self) -> Response:
        """Show an empty form."""
        return self._page(schedule_form.empty())

    def add(self) -> AnyResponse:
        """Create the schedule, or show its first slots."""
        values = schedule_form.filled(request.form)
        name = values["id"] = values["id"].strip()
        taken = self._known(name)
        if taken is not None:
            problem = Problem("/id", "a schedule of this name exists; edit that")
            return self._page(values, error=InvalidDataError((problem,)))
        return self._save(name, values, None)

    def edit(self, schedule_id: str) -> Response:
        """Show the form of a schedule."""
        stored = ScheduleAccess(self.services).find(schedule_id)
        shown = schedule_document(stored, self.services.catalogue)
        return self._page(schedule_form.of(stored, shown), stored)

    def change(self, schedule_id: str) -> AnyResponse:
        """Change the schedule, or show its first slots."""
        stored = ScheduleAccess(self.services).find(schedule_id)
        values = schedule_form.filled(request.form) | {"id": schedule_id}
        return self._save(schedule_id, values, stored)

    def _known(self, schedule_id: str) -> StoredSchedule | None:
        try:
            return self.services.schedules.find(schedule_id)
        except ScheduleMissingError:
            return None

    def _save(
        self, schedule_id: str, values: dict[str, str], stored: StoredSchedule | None
    ) -> AnyResponse:
        try:
            definition = self._definition(values, stored)
            book = self.services.schedules
            if "preview" in request.form:
                runs = book.preview_of(schedule_id or "new", definition, count=_RUNS)
                return self._page(values, stored, runs=runs)
            book.put(schedule_id, definition)
        except InvalidDataError as error:
            return self._page(values, stored, error=error)
        text = f"{schedule_id} was {'changed' if stored else 'created'}."
        return back(url_for("ui.schedule", schedule_id=schedule_id), text)

    def _definition(
        self, values: Mapping[str, str], stored: StoredSchedule | None
    ) -> ScheduleDefinition:
        document = schedule_form.document(values)
        schedule_form.keep_secrets(document, stored, self.services.catalogue)
        if not ScheduleAccess(self.services).sees_task(values["task"]):
            raise UnknownQueueError(())
        return ScheduleDefinition.parse(msgspec.json.encode(document))

    def _page(
        self,
        values: Mapping[str, str],
        stored: StoredSchedule | None = None,
        *,
        error: InvalidDataError | None = None,
        runs: tuple[Run, ...] | None = None,
    ) -> Response:
        context: dict[str, Any] = {
            "values": values,
            "schedule": stored,
            "errors": _errors(error) if error else {},
            "runs": runs,
            "tasks": ScheduleAccess(self.services).tasks(),
            "misfires": _MISFIRE,
            "overlaps": _OVERLAP,
        }
        status = _WRONG if error else HTTPStatus.OK
        views = self.services.views
        return views.page("schedule_form.html", status=int(status), **context)


def _errors(error: InvalidDataError) -> dict[str, str]:
    """Return what is wrong by field; the template's parts have fields of their own."""
    own = by_field(error)
    own.pop("template", None)
    deeper = by_field(error, prefix="/template")
    if "name" in deeper:
        deeper["task"] = deeper.pop("name")
    return own | deeper
