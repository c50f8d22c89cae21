"""The first page: every queue, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api import queue_names
from services.api.stores import memory
from services.api.ui import chart, gate
from services.api.ui.troubles import Situation, troubles
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response

    from services.api.ui.pace import Pace
    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.broker.inspector import QueueStats
    from shared.broker.presence import WorkerInfo
    from shared.schedules.record import StoredSchedule

#: Schedules that are looked at; more than that are a page of their own.
_SCHEDULES = 200


@dataclass(frozen=True)
class Row:
    """A queue in the table.

    Attributes:
        name: The queue.
        stats: Its counts.
        pace: What ended lately.
        threads: Jobs that its workers can run at a time.
        workers: How many workers serve it.
    """

    name: str
    stats: QueueStats
    pace: Pace
    threads: int
    workers: int


@dataclass(frozen=True)
class OverviewPage:
    """The page."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("", "overview", self.show)
        # Who types the address may end it with a slash.
        routes.get("/", "root", self.show)
        routes.get("/help", "help", self.help)

    def show(self) -> Response:
        """Show every queue."""
        services = self.services
        names = queue_names.visible(services.catalogue)
        stats = services.inspector.stats_of(names)
        paces = services.pace.read(list(stats))
        workers = services.inspector.workers()
        situation = Situation(
            stats=stats,
            workers=workers,
            paces=paces,
            memory_share=memory.used_share(services.client),
            watermark=services.settings.nightshift_memory_watermark,
            schedules=self._schedules(),
            now_ms=services.pace.now_ms(),
        )
        return services.views.page(
            "overview.html",
            rows=[_row(name, stats[name], paces[name], workers) for name in stats],
            totals=_totals(list(stats.values())),
            troubles=troubles(situation),
            missing=[name for name in names if name not in stats],
            workers=_serving(workers, names),
            chart=chart.document(list(paces.values()), situation.now_ms),
            ended=[sum(pace.total()[at] for pace in paces.values()) for at in (0, 1)],
        )

    def help(self) -> Response:
        """Say what to do about each kind of trouble."""
        return self.services.views.page("help.html")

    def _schedules(self) -> list[StoredSchedule]:
        person = gate.caller()
        found = self.services.schedules.page(after="", limit=_SCHEDULES)
        queues = {name: c.queue for name, c in self.services.catalogue.items()}
        return [
            one
            for one in found
            if person is not None
            and person.sees(queues.get(one.definition.template.name, ""))
        ]


def _row(
    name: str, stats: QueueStats, pace: Pace, workers: Sequence[WorkerInfo]
) -> Row:
    serving = [worker for worker in workers if name in worker.queues]
    return Row(
        name, stats, pace, sum(worker.threads for worker in serving), len(serving)
    )


def _serving(workers: Sequence[WorkerInfo], names: Sequence[str]) -> dict[str, int]:
    serving = [worker for worker in workers if set(worker.queues) & set(names)]
    return {
        "count": len(serving),
        "threads": sum(worker.threads for worker in serving),
        "busy": sum(len(worker.running) for worker in serving),
    }


def _totals(found: Sequence[QueueStats]) -> dict[str, int]:
    return {
        state.value: sum(stats.counts[state] for stats in found) for state in JobState
    }
