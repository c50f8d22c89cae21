"""`idempotency-keys`: remembered keys that would stay for ever."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.cleaning import Cleaned, CleanUp
from shared.contracts.contract import TaskContract, TaskDefaults


class IdempotencyKeys(CleanUp):
    """Which are over.

    Attributes:
        hours_old: Hours without use after which a key that has no expiry is over, as
            after a restored backup. Redis removes those with an expiry by itself.
    """

    hours_old: int = Field(default=24, ge=0, le=87_600)


CONTRACT = TaskContract(
    name="idempotency-keys",
    queue="cleanup",
    summary="Removes idempotency keys and task notes that lost their expiry.",
    data=IdempotencyKeys,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=10 * 60_000),
    idempotent_by="What is removed is not there for a second run.",
)
