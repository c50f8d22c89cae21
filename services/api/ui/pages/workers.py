"""The workers that are there, and what each of them does right now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, NamedTuple

from services.api.auth import principal
from shared import clock
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.broker.presence import WorkerInfo
    from shared.jobs.job import Job

#: Jobs that are named in all; a busy installation runs more than a page can show.
MOST_JOBS = 200


class RunningJob(NamedTuple):
    """A job in somebody's hands; `percent` is None when it tells no number."""

    queue: str
    id: str
    name: str
    runs_for_ms: int
    percent: float | None


class WorkerRow(NamedTuple):
    """A worker, its queues and jobs as far as whoever looks may see them."""

    info: WorkerInfo
    queues: list[str]
    jobs: list[RunningJob]
    unnamed: int


@dataclass(frozen=True)
class WorkersPage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/workers", "workers", self.show)

    def show(self) -> Response:
        """Show every worker that serves a queue of the caller's."""
        workers = self._workers()
        served = {queue for worker in workers for queue in worker.queues}
        stats = self.services.inspector.stats_of(self._queues())
        return self.services.views.page(
            "workers.html",
            workers=workers,
            threads=sum(worker.info.threads for worker in workers),
            busy=sum(len(worker.info.running) for worker in workers),
            versions=sorted({worker.info.version for worker in workers}),
            unserved=[
                queue
                for queue, found in stats.items()
                if queue not in served and found.counts[JobState.WAITING]
            ],
        )

    def _queues(self) -> list[str]:
        caller = principal()
        return [q for q in self.services.catalogue.queues() if caller.sees(q)]

    def _workers(self) -> list[WorkerRow]:
        caller = principal()
        seen = [
            (worker, [queue for queue in worker.queues if caller.sees(queue)])
            for worker in self.services.inspector.workers()
        ]
        visible = [(worker, queues) for worker, queues in seen if queues]
        places = islice(
            (
                place
                for worker, queues in visible
                for place in worker.running
                if place.partition("/")[0] in queues
            ),
            MOST_JOBS,
        )
        jobs = self._jobs(places)
        rows = []
        for worker, queues in visible:
            named = [jobs[place] for place in worker.running if place in jobs]
            rows.append(WorkerRow(worker, queues, named, len(worker.running)))
        return rows

    def _jobs(self, places: Iterable[str]) -> dict[str, RunningJob]:
        """Return the jobs at places such as `queue/id`, one round trip per queue."""
        by_queue = groupby(
            sorted(place.partition("/")[::2] for place in places), lambda pair: pair[0]
        )
        found = {}
        for queue, pairs in by_queue:
            ids = [job_id for _, job_id in pairs]
            for job in self.services.inspector.jobs(queue, ids):
                if job is not None:
                    found[f"{queue}/{job.id}"] = _running(job)
        return found


def _running(job: Job) -> RunningJob:
    since = job.processed_on or job.timestamp
    return RunningJob(
        job.queue, job.id, job.name, max(0, clock.now_ms() - since), _percent(job)
    )


def _percent(job: Job) -> float | None:
    try:
        number = float(job.progress)
    except ValueError:
        return None
    return min(max(number, 0.0), 100.0)
