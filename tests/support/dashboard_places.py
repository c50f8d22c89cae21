"""Every page of the dashboard, for suites that look at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shared.jobs.states import JobState
from tests.support.busy_house import CUSTOMER

if TYPE_CHECKING:
    from tests.support.dashboard_stack import Stack

#: Routes that are no page: a file, a part of a page, the form before signing in.
NO_PAGES = frozenset({"asset", "download", "file", "nowhere", "search_queue", "root"})


class Place(NamedTuple):
    """A page: what it is called, its endpoint, and where it is."""

    name: str
    endpoint: str
    path: str


def places(stack: Stack) -> list[Place]:
    """Return one place for each page, and more for pages with several faces."""
    failed = _first(stack, "email", JobState.FAILED)
    active = _first(stack, "demo", JobState.ACTIVE)
    done = _first(stack, "demo", JobState.COMPLETED)
    return [
        Place("overview", "overview", ""),
        Place("queue", "queue", "/queue/email"),
        Place("queue-failed", "queue", "/queue/email?state=failed"),
        Place("queue-paused", "queue", "/queue/report"),
        Place("job-failed", "job", f"/job/email/{failed}"),
        Place("job-active", "job", f"/job/demo/{active}"),
        Place("job-completed", "job", f"/job/demo/{done}"),
        Place("edit-job", "edit_job", f"/job/email/{failed}/again"),
        Place("search", "search", f"/search?q={CUSTOMER}"),
        Place("operations", "operations", "/operations"),
        Place("failures", "failures", "/failures"),
        Place("choose-task", "choose_task", "/add"),
        Place("add-job", "add_job", "/queue/email/add?task=send-email"),
        Place("schedules", "schedules", "/schedules"),
        Place("schedule", "schedule", "/schedules/health-check"),
        Place("new-schedule", "schedule_new", "/new-schedule"),
        Place("edit-schedule", "schedule_edit", "/schedules/weekly-report/edit"),
        Place("workers", "workers", "/workers"),
        Place("redis", "redis", "/redis"),
        Place("tokens", "tokens", "/tokens"),
        Place("audit", "audit", "/audit"),
        Place("settings", "settings", "/settings"),
        Place("help", "help", "/help"),
        Place("error", "nowhere", "/no/such/page"),
    ]


def _first(stack: Stack, queue: str, state: JobState) -> str:
    page = stack.jobs.inspector.page(queue, state, limit=1, newest_first=True)
    return page.jobs[0].id
