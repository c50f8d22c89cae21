"""`weekly-report`: the service's own week, as a PDF by mail."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import EmailAddress, FileReference
from shared.contracts.retry import Backoff


class WeeklyReport(Model):
    """Which week, and for whom.

    Attributes:
        to: Who gets it; left out, those of the worker's setting NIGHTSHIFT_REPORT_TO.
            With nobody in either place it is only stored.
        week: A day of the week, as YYYY-MM-DD; left out, the last whole week. Weeks
            go from Monday to Sunday, in UTC.
    """

    to: list[EmailAddress] | None = Field(default=None, max_length=50)
    week: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None


class WeekReported(Model):
    """The report.

    Attributes:
        file: Where it is stored.
        week: Its Monday.
        completed: Jobs that ended well.
        failed: Jobs that failed for good.
        pages: Pages of the report.
        mail_job: Id of the job of the task send-email that brings it; null when
            nobody gets it.
    """

    file: FileReference
    week: str
    completed: int
    failed: int
    pages: int
    mail_job: str | None


CONTRACT = TaskContract(
    name="weekly-report",
    queue="report",
    summary="Sends the numbers of the service's own week as a PDF by mail.",
    data=WeeklyReport,
    result=WeekReported,
    defaults=TaskDefaults(
        attempts=5,
        backoff=Backoff(type="exponential", delay=30_000, jitter=0.2),
        timeout_ms=120_000,
    ),
    idempotent_by="The mail is a job whose id is made from this job's.",
)
