"""`old-logs`: files of a log folder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.contracts.cleaning import Cleaned, CleanUp
from shared.contracts.contract import TaskContract, TaskDefaults


class OldLogs(CleanUp):
    """Which files are old.

    Attributes:
        days_old: Days since a file was last written.
        pattern: Names of the files, with `*` and `?`.
    """

    days_old: int = Field(default=30, ge=1, le=3_650)
    pattern: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.*?-]{1,100}$")] = (
        "*.log*"
    )


CONTRACT = TaskContract(
    name="old-logs",
    queue="cleanup",
    summary="Removes log files that were not written to for days.",
    data=OldLogs,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=10 * 60_000),
    idempotent_by="What is removed is not there for a second run.",
)
