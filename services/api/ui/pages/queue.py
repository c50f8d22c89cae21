"""One queue: its jobs by state, found by filters that stand in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request

from services.api import query, queue_names, representation
from services.api.ui import addresses, chart
from services.api.ui.bulk_plans import OFFERED
from services.api.ui.job_query import SPANS, JobQuery
from shared.errors import InvalidNameError
from shared.jobs.names import check_job_id
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask import Response

    from services.api.job_list import Listed
    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.jobs.job import Job

PAGE = 50
#: The order of the tabs; the first that has a job is shown when none is asked for.
TABS = (
    JobState.ACTIVE,
    JobState.FAILED,
    JobState.WAITING,
    JobState.DELAYED,
    JobState.COMPLETED,
    JobState.CANCELLED,
)
#: Columns that can be had beside the usual ones.
COLUMNS = {
    "data": "Data",
    "tags": "Tags and group",
    "worker": "Worker",
    "priority": "Priority",
}
_USUAL_COLUMNS = ("tags",)
_ENDED = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})
_SHORT = 160


@dataclass(frozen=True)
class QueuePage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/queue/<queue>", "queue", self.show)

    def show(self, queue: str) -> Response:
        """Show some jobs of one state."""
        services = self.services
        queue_names.check(services.catalogue, queue)
        stats = services.inspector.stats(queue)
        usual = next((s for s in TABS if stats.counts[s]), JobState.WAITING)
        wanted = JobQuery.read(request.args, usual=usual)
        cursor = query.text(request.args, "cursor", pattern=r"[A-Za-z0-9_-]{1,600}")
        listed = services.jobs.page(
            queue,
            (wanted.state,),
            wanted.wanted,
            cursor=cursor or "",
            limit=PAGE,
            newest_first=wanted.state in _ENDED,
        )
        columns = _columns()
        extra: dict[str, Any] = (
            {"columns": columns} if request.args.get("columns") else {}
        )
        pace = services.pace.read([queue])[queue]
        workers = [w for w in services.inspector.workers() if queue in w.queues]
        here = addresses.to("queue", queue=queue, **wanted.address(**extra))
        return services.views.page(
            "queue.html",
            queue_name=queue,
            stats=stats,
            wanted=wanted,
            tabs=[(state.value, stats.counts[state]) for state in TABS],
            spans=list(SPANS),
            jobs=listed.jobs,
            found=self._by_id(queue, wanted),
            details={job.id: self._detail(job) for job in listed.jobs},
            columns=columns,
            all_columns=COLUMNS,
            offered=OFFERED[wanted.state],
            tasks=sorted(
                c.name for c in services.catalogue.values() if c.queue == queue
            ),
            here=f"{here}&cursor={cursor}" if cursor else here,
            is_first=not cursor,
            **self._pages(queue, wanted, listed),
            limits=services.operator.limits(queue),
            quota=services.quotas.all().get(queue),
            groups=services.operator.group_limits(queue),
            workers=len(workers),
            threads=sum(worker.threads for worker in workers),
            chart=chart.document([pace], services.pace.now_ms()),
            ended=pace.total(),
        )

    def _pages(self, queue: str, wanted: JobQuery, listed: Listed) -> dict[str, Any]:
        address = wanted.address()
        if columns := request.args.get("columns"):
            address["columns"] = columns
        first = addresses.to("queue", queue=queue, **address)
        following = ""
        if listed.next_cursor is not None:
            cursor = listed.next_cursor
            following = addresses.to("queue", queue=queue, **address, cursor=cursor)
        return {"first": first, "following": following, "looked_at": listed.looked_at}

    def _by_id(self, queue: str, wanted: JobQuery) -> Job | None:
        """Return the job whose id was searched for, in whatever state it is."""
        text = wanted.fields.get("q", "")
        try:
            return self.services.inspector.job(queue, check_job_id(text))
        except InvalidNameError:
            return None

    def _detail(self, job: Job) -> str:
        """Return a line of what the job carries, without its secrets."""
        data = representation.visible_data(job, self.services.catalogue)
        return data[: _SHORT * 4].decode(errors="replace")[:_SHORT]


def _columns() -> tuple[str, ...]:
    """Return the columns that the address asks for; `none` asks for no extra one."""
    asked: Mapping[str, str] = request.args
    given = asked.get("columns", "")
    if not given:
        return _USUAL_COLUMNS
    return tuple(name for name in COLUMNS if name in given.split("."))
