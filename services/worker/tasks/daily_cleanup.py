"""Starts the clean-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.tasks.clean_database import CleanDatabase
from shared.contracts.tasks.daily_cleanup import CleanupsStarted, DailyCleanup
from shared.contracts.tasks.expired_sessions import ExpiredSessions
from shared.contracts.tasks.finished_jobs import FinishedJobs
from shared.contracts.tasks.idempotency_keys import IdempotencyKeys
from shared.contracts.tasks.old_logs import OldLogs
from shared.contracts.tasks.orphaned_artifacts import OrphanedArtifacts

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.settings import WorkerSettings
    from shared.contracts.cleaning import CleanUp

#: The clean-ups whose models say `daysOld`.
_IN_DAYS = {
    "expired-sessions": ExpiredSessions,
    "old-logs": OldLogs,
    "finished-jobs": FinishedJobs,
    "orphaned-artifacts": OrphanedArtifacts,
}


def run(data: DailyCleanup, context: JobContext) -> CleanupsStarted:
    """Create a job for each clean-up that can do something here."""
    skipped = _not_configured(context.settings)
    days = {} if data.days_old is None else {"days_old": data.days_old}
    wishes: dict[str, CleanUp] = {
        name: model(dry_run=data.dry_run, **days) for name, model in _IN_DAYS.items()
    }
    wishes["idempotency-keys"] = IdempotencyKeys(dry_run=data.dry_run)
    wishes["clean-database"] = CleanDatabase(dry_run=data.dry_run)
    started = {
        name: context.enqueue(name, wish, key=name).id
        for name, wish in wishes.items()
        if name not in skipped
    }
    return CleanupsStarted(started=started, skipped=skipped)


def _not_configured(settings: WorkerSettings) -> dict[str, str]:
    needed = {
        "expired-sessions": (
            "NIGHTSHIFT_CACHE_URL",
            settings.nightshift_cache_url.get_secret_value(),
        ),
        "old-logs": ("NIGHTSHIFT_LOG_DIR", settings.nightshift_log_dir),
        "clean-database": (
            "NIGHTSHIFT_DATABASE_URL",
            settings.nightshift_database_url.get_secret_value()
            and settings.nightshift_database_rules,
        ),
    }
    return {
        task: f"{name} is not set."
        for task, (name, value) in needed.items()
        if not value
    }
