"""`finished-jobs`: jobs that ended long ago, in queues that fell silent."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.cleaning import Cleaned, CleanUp
from shared.contracts.contract import TaskContract, TaskDefaults

#: As in shared/jobs/names.py, which contracts do not know.
QueueName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class FinishedJobs(CleanUp):
    """Which jobs go.

    Attributes:
        days_old: Days since they ended.
        queues: Queues to look at; empty: all.
        states: How they ended.
    """

    days_old: int = Field(default=7, ge=0, le=3_650)
    queues: list[QueueName] = Field(default=[], max_length=100)
    states: list[Literal["completed", "failed", "cancelled"]] = Field(
        default=["completed", "failed", "cancelled"], min_length=1, max_length=3
    )


CONTRACT = TaskContract(
    name="finished-jobs",
    queue="cleanup",
    summary="Removes jobs that ended days ago.",
    data=FinishedJobs,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=30 * 60_000),
    idempotent_by="What is removed is not there for a second run.",
)
