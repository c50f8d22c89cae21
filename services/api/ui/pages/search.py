"""Search in all queues at once: each queue's part loads by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import request

from services.api import queue_names
from services.api.ui.job_query import JobQuery
from shared.errors import InvalidNameError
from shared.jobs.names import check_job_id
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.jobs.job import Job

#: Jobs of one queue that are shown; its own page shows the others.
SHOWN = 8
_ORDER = (
    JobState.FAILED,
    JobState.ACTIVE,
    JobState.WAITING,
    JobState.DELAYED,
    JobState.COMPLETED,
    JobState.CANCELLED,
)


@dataclass(frozen=True)
class SearchPage:
    """The page and its parts."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/search", "search", self.show)
        routes.get("/search/queue/<queue>", "search_queue", self.part)

    def show(self) -> Response:
        """Show where the results go."""
        wanted = JobQuery.read(request.args, usual=JobState.FAILED)
        names = queue_names.visible(self.services.catalogue)
        stats = self.services.inspector.stats_of(names)
        holding = [name for name in stats if any(stats[name].counts.values())]
        return self.services.views.page(
            "search.html", text=wanted.fields.get("q", ""), queues=holding
        )

    def part(self, queue: str) -> Response:
        """Show what one queue has, in every state, with bounded work."""
        queue_names.check(self.services.catalogue, queue)
        wanted = JobQuery.read(request.args, usual=JobState.FAILED)
        text = wanted.fields.get("q", "")
        jobs: list[Job] = []
        is_more = False
        if text and (by_id := self._by_id(queue, text)):
            jobs = [by_id]
        elif text:
            listed = self.services.jobs.page(
                queue, _ORDER, wanted.wanted, cursor="", limit=SHOWN, newest_first=True
            )
            jobs, is_more = listed.jobs, listed.next_cursor is not None
        return self.services.views.page(
            "search_part.html", queue=queue, text=text, jobs=jobs, is_more=is_more
        )

    def _by_id(self, queue: str, text: str) -> Job | None:
        try:
            return self.services.inspector.job(queue, check_job_id(text))
        except InvalidNameError:
            return None
