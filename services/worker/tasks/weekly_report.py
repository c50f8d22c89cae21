"""Makes the report of the service's own week and has it mailed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from services.worker.reports import making, week
from services.worker.reports.orders import DocumentOrder
from shared.broker.connection import connect
from shared.broker.job_totals import JobTotals
from shared.contracts.tasks.send_email import SendEmail
from shared.contracts.tasks.weekly_report import WeeklyReport, WeekReported

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.worker.context import JobContext
    from shared.broker.job_totals import DayTotals
    from shared.contracts.fields import FileReference


def run(data: WeeklyReport, context: JobContext) -> WeekReported:
    """Typeset the week, store it, and ask for the mail that brings it."""
    monday = week.monday_of(data.week, now_ms=context.created_ms)
    days = _days(monday, context)
    made = making.make(
        DocumentOrder(
            template="week",
            variables={
                **week.document(monday, days, _queues(context)),
                "service": context.settings.nightshift_namespace,
            },
        ),
        name=f"week-{monday.isoformat()}.pdf",
        context=context,
    )
    total = week.sum_of(days[-7:])
    readers = context.settings.report_readers if data.to is None else data.to
    return WeekReported(
        file=made.file,
        week=monday.isoformat(),
        completed=total.completed,
        failed=total.failed,
        pages=made.said.pages,
        mail_job=_mail(readers, monday, days, made.file, context) if readers else None,
    )


def _days(monday: date, context: JobContext) -> list[DayTotals]:
    settings = context.settings
    with contextlib.closing(connect(settings.redis_url, max_connections=1)) as client:
        totals = JobTotals(client, namespace=settings.nightshift_namespace)
        return totals.read(week.days_of_trend(monday))


def _queues(context: JobContext) -> list[week.Queue]:
    inspector = context.inspector
    return [
        week.Queue(
            name,
            {str(state): count for state, count in inspector.counts(name).items()},
            inspector.oldest_waiting_age_s(name),
        )
        for name in inspector.queues()
    ]


def _mail(
    readers: Sequence[str],
    monday: date,
    days: Sequence[DayTotals],
    file: FileReference,
    context: JobContext,
) -> str:
    now, before = week.sum_of(days[-7:]), week.sum_of(days[-14:-7])
    shown = [
        {name: figure[name] for name in ("label", "value", "change")}
        for figure in week.figures(now, before)
    ]
    mail = SendEmail.model_validate(
        {
            "to": list(readers),
            "template": "weekly-report",
            "context": {
                "period": week.period(monday),
                "summary": _summary(now.completed, now.failed),
                "figures": shown,
                "link": context.settings.nightshift_report_link,
            },
            "attachments": [file.id],
        }
    )
    # One mail per job, however many attempts the report takes.
    return context.enqueue("send-email", mail, key="mail").id


def _summary(completed: int, failed: int) -> str:
    if not completed and not failed:
        return "No job ran in this week."
    share = 100 * failed / (completed + failed)
    return f"{completed:,} jobs were done; {failed:,} failed, {share:.1f} % of all."
