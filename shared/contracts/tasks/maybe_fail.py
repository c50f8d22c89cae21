"""`maybe-fail`: fails as often as it is told, to show retries."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.retry import Backoff


class MaybeFail(Model):
    """How often to fail.

    Attributes:
        msg: The text that comes back in the end.
        fail: How many attempts fail before one succeeds.
    """

    msg: str = Field(max_length=10_000)
    fail: int = Field(ge=0, le=100)


class Succeeded(Model):
    """How it went.

    Attributes:
        msg: The text.
        attempt: The attempt that succeeded, 1 being the first.
    """

    msg: str
    attempt: int


CONTRACT = TaskContract(
    name="maybe-fail",
    queue="demo",
    summary="Fails a given number of times, then succeeds.",
    data=MaybeFail,
    result=Succeeded,
    defaults=TaskDefaults(
        attempts=5,
        backoff=Backoff(type="exponential", delay=500),
        timeout_ms=10_000,
    ),
    idempotent_by="It changes nothing.",
)
