"""`orphaned-artifacts`: stored files that belong to nothing."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.cleaning import Cleaned, CleanUp
from shared.contracts.contract import TaskContract, TaskDefaults


class OrphanedArtifacts(CleanUp):
    """Which files belong to nothing.

    Attributes:
        days_old: Days after which a file goes that no job mentions, in its data or
            its result. Halves of files, as a crash leaves them, go after a day.
        keep_unmentioned: Remove halves of files only.
    """

    days_old: int = Field(default=30, ge=1, le=3_650)
    keep_unmentioned: bool = False


CONTRACT = TaskContract(
    name="orphaned-artifacts",
    queue="cleanup",
    summary="Removes stored files that no job mentions, and halves of files.",
    data=OrphanedArtifacts,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=60 * 60_000),
    idempotent_by="What is removed is not there for a second run.",
)
