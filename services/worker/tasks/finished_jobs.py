"""Removes jobs that ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.cleanup.broom import DAY_MS, Broom
from shared import clock
from shared.broker.operator import Answer
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.finished_jobs import FinishedJobs

_STEP = 200


def run(data: FinishedJobs, context: JobContext) -> Cleaned:
    """Remove the oldest jobs of each queue and state, until one is young."""
    broom = Broom(context, dry_run=data.dry_run)
    before_ms = clock.now_ms() - data.days_old * DAY_MS
    for queue in data.queues or context.inspector.queues():
        for state in data.states:
            _sweep(queue, JobState(state), before_ms, context, broom)
    return broom.result()


def _sweep(
    queue: str, state: JobState, before_ms: int, context: JobContext, broom: Broom
) -> None:
    cursor: str | None = ""
    while cursor is not None and not broom.must_stop:
        page = context.inspector.page(queue, state, cursor=cursor, limit=_STEP)
        old = [job.id for job in page.jobs if (job.finished_on or 0) < before_ms]
        broom.examined += len(page.jobs)
        if not broom.dry_run and old:
            answers = context.operator.remove(queue, old)
            old = [one for one in old if answers[one] is Answer.DONE]
        for job_id in old:
            broom.swept(f"{queue}/{job_id}")
        # They come in the order in which they ended.
        is_over = len(old) < len(page.jobs)
        cursor = None if is_over else page.next_cursor
