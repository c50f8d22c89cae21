"""`expired-sessions`: sessions in Redis that would stay for ever."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.cleaning import Cleaned, CleanUp
from shared.contracts.contract import TaskContract, TaskDefaults


class ExpiredSessions(CleanUp):
    """Which sessions are over.

    Attributes:
        days_old: Days without use after which a session that has no expiry is over.
            Redis removes those with an expiry by itself.
    """

    days_old: int = Field(default=30, ge=0, le=3_650)


CONTRACT = TaskContract(
    name="expired-sessions",
    queue="cleanup",
    summary="Removes sessions from Redis that nobody used for days.",
    data=ExpiredSessions,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=10 * 60_000),
    idempotent_by="What is removed is not there for a second run.",
)
