"""`health-check`: whether all that tasks need can be used."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.contract import Model, TaskContract, TaskDefaults


class HealthCheck(Model):
    """How strict to be.

    Attributes:
        fail_on_trouble: Fail the job when a check fails, for alerts on failed jobs.
        min_free_mb: Megabytes that the files' disk must have free.
    """

    fail_on_trouble: bool = True
    min_free_mb: int = Field(default=100, ge=0, le=100_000_000)


class Check(Model):
    """One thing that was tried.

    Attributes:
        name: What.
        ok: Whether it works.
        detail: What was found.
        duration_ms: Milliseconds it took.
    """

    name: str
    ok: bool
    detail: str
    duration_ms: int


class HealthChecked(Model):
    """All that was tried.

    Attributes:
        healthy: Whether everything works.
        checks: Each.
        not_configured: What there is nothing to try of.
    """

    healthy: bool
    checks: list[Check]
    not_configured: list[str]


CONTRACT = TaskContract(
    name="health-check",
    queue="cleanup",
    summary="Tries all that tasks need: Redis, files, mail server, database, cache.",
    data=HealthCheck,
    result=HealthChecked,
    defaults=TaskDefaults(attempts=2, timeout_ms=60_000, priority=1),
    idempotent_by="It changes nothing that stays.",
)
