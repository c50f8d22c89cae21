"""`echo`: says it back, in steps."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.contract import Model, TaskContract, TaskDefaults


class Echo(Model):
    """What to say.

    Attributes:
        msg: The text that comes back.
        steps: How often the job reports its progress on the way.
        step_ms: Milliseconds that each step takes.
    """

    msg: str = Field(max_length=10_000)
    steps: int = Field(default=4, ge=0, le=100)
    step_ms: int = Field(default=0, ge=0, le=60_000)


class Echoed(Model):
    """What was said.

    Attributes:
        msg: The text.
        steps: The steps that were made.
    """

    msg: str
    steps: int


CONTRACT = TaskContract(
    name="echo",
    queue="demo",
    summary="Says a text back, reporting its progress in steps.",
    data=Echo,
    result=Echoed,
    defaults=TaskDefaults(timeout_ms=10 * 60_000),
    idempotent_by="It changes nothing.",
)
