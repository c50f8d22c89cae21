"""What stands beside every page: the queues, and how they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api import queue_names
from shared.access.principal import Scope
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from shared.broker.inspector import Inspector
    from shared.contracts.catalogue import Catalogue

#: The pages: endpoint, what people call it, its picture, and who may see it.
NAV: tuple[tuple[str, str, str, Scope], ...] = (
    ("overview", "Overview", "overview", Scope.READ),
    ("operations", "Operations", "operations", Scope.READ),
    ("failures", "Failures", "failures", Scope.READ),
    ("choose_task", "Add a job", "add", Scope.WRITE),
    ("schedules", "Schedules", "schedules", Scope.READ),
    ("workers", "Workers", "workers", Scope.READ),
    ("redis", "Redis", "redis", Scope.READ),
    ("tokens", "Tokens", "tokens", Scope.ADMIN),
    ("audit", "Audit log", "audit", Scope.ADMIN),
    ("settings", "Settings", "settings", Scope.ADMIN),
)


@dataclass(frozen=True)
class SidebarQueue:
    """A queue in one line.

    Attributes:
        name: The queue.
        pending: Jobs that wait, are delayed or run.
        failed: Jobs that failed.
        is_paused: Whether workers leave it alone.
    """

    name: str
    pending: int
    failed: int
    is_paused: bool


@dataclass(frozen=True, kw_only=True)
class Sidebar:
    """Reads it, in one round trip."""

    inspector: Inspector
    catalogue: Catalogue

    def queues(self) -> list[SidebarQueue]:
        """Return the queues that whoever is signed in sees."""
        names = queue_names.visible(self.catalogue)
        found = self.inspector.stats_of(names)
        return [
            SidebarQueue(
                name=name,
                pending=sum(
                    stats.counts[state]
                    for state in (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE)
                ),
                failed=stats.counts[JobState.FAILED],
                is_paused=stats.is_paused,
            )
            for name, stats in found.items()
        ]
