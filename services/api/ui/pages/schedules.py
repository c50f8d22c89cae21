"""The schedules: what is due when, and the history of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request, url_for

from services.api.errors import InvalidParameterError
from services.api.schedule_schemas import line_document, schedule_document
from services.api.ui import addresses, schedule_form
from services.api.ui.flash import back
from services.api.ui.schedule_access import ScheduleAccess
from shared.metrics import JOBS_ENQUEUED
from shared.schedules.schedule import is_schedule_id

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

_PAGE = 50
_LINES = 50
_RUNS = 10


@dataclass(frozen=True)
class SchedulesPage:
    """The list, one schedule, and what can be done to it."""

    services: Services

    @property
    def _access(self) -> ScheduleAccess:
        return ScheduleAccess(self.services)

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        one = "/schedules/<schedule_id>"
        routes.get("/schedules", "schedules", self.index)
        routes.get(one, "schedule", self.show)
        routes.post(f"{one}/pause", "schedule_pause", self.pause)
        routes.post(f"{one}/resume", "schedule_resume", self.resume)
        routes.post(f"{one}/run", "schedule_run", self.run)
        routes.post(f"{one}/remove", "schedule_remove", self.remove)

    def index(self) -> Response:
        """Show schedules, by name."""
        after = request.args.get("after", "")
        if after and not is_schedule_id(after):
            raise InvalidParameterError("after", "should be one that a page gave")
        found = self.services.schedules.page(after=after, limit=_PAGE)
        seen = [stored for stored in found if self._access.sees(stored)]
        following = ""
        if len(found) == _PAGE:
            following = url_for("ui.schedules", after=found[-1].id)
        return self.services.views.page(
            "schedules.html",
            schedules=seen,
            catalogue=self.services.catalogue,
            first=url_for("ui.schedules") if after else "",
            following=following,
        )

    def show(self, schedule_id: str) -> Response:
        """Show a schedule: its next slots, and what became of the earlier ones."""
        stored = self._access.find(schedule_id)
        book = self.services.schedules
        lines = book.store.ledger(schedule_id, limit=_LINES)
        contract = self.services.catalogue.get(stored.definition.template.name)
        template = schedule_document(stored, self.services.catalogue)["template"]
        return self.services.views.page(
            "schedule.html",
            schedule=stored,
            data=schedule_form.pretty(template["data"]),
            options=schedule_form.pretty(template["opts"]),
            queue=contract.queue if contract else "",
            runs=book.preview(schedule_id, count=_RUNS),
            lines=[line_document(line) for line in lines],
            most_lines=_LINES,
        )

    def pause(self, schedule_id: str) -> AnyResponse:
        """Let a schedule rest."""
        self._access.find(schedule_id)
        self.services.schedules.pause(schedule_id)
        return _done(schedule_id, f"{schedule_id} rests: none of its slots is fired.")

    def resume(self, schedule_id: str) -> AnyResponse:
        """Let a schedule go on."""
        self._access.find(schedule_id)
        self.services.schedules.resume(schedule_id)
        return _done(schedule_id, f"{schedule_id} goes on with its next slot.")

    def run(self, schedule_id: str) -> AnyResponse:
        """Create a job of a schedule now."""
        self._access.find(schedule_id)
        book, producer = self.services.schedules, self.services.intake.producer
        created, queue, name = book.run_now(schedule_id, producer)
        JOBS_ENQUEUED.labels(queue, name).inc()
        link = addresses.to("job", queue=queue, job_id=created.job_id)
        text = "A job was created now; the slots stay as they are."
        return back(_page_of(schedule_id), text, link=link, label="Open the job")

    def remove(self, schedule_id: str) -> AnyResponse:
        """Remove a schedule and its history; its jobs stay."""
        self._access.find(schedule_id)
        self.services.schedules.remove(schedule_id)
        return back(url_for("ui.schedules"), f"{schedule_id} was removed.")


def _page_of(schedule_id: str) -> str:
    return url_for("ui.schedule", schedule_id=schedule_id)


def _done(schedule_id: str, text: str) -> AnyResponse:
    return back(_page_of(schedule_id), text)
