"""`daily-cleanup`: all clean-ups that are configured, each as a job of its own."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.cleaning import CleanUp
from shared.contracts.contract import Model, TaskContract, TaskDefaults


class DailyCleanup(CleanUp):
    """How to clean up.

    Attributes:
        days_old: Days for every clean-up that counts in days; left out, each has its
            own.
    """

    days_old: int | None = Field(default=None, ge=1, le=3_650)


class CleanupsStarted(Model):
    """What was started.

    Attributes:
        started: The job of each clean-up, by task.
        skipped: Why a clean-up was left out, by task.
    """

    started: dict[str, str]
    skipped: dict[str, str]


CONTRACT = TaskContract(
    name="daily-cleanup",
    queue="cleanup",
    summary="Starts all clean-ups that are configured.",
    data=DailyCleanup,
    result=CleanupsStarted,
    defaults=TaskDefaults(timeout_ms=60_000),
    idempotent_by="The jobs that it starts have ids made of its own.",
)
