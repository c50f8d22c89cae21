"""Fails as often as it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.tasks.maybe_fail import MaybeFail, Succeeded
from shared.errors import TaskError

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: MaybeFail, context: JobContext) -> Succeeded:
    """Fail in the first `data.fail` attempts."""
    if context.attempt <= data.fail:
        message = f"Attempt {context.attempt} failed, as it was told to."
        raise TaskError(message)
    return Succeeded(msg=data.msg, attempt=context.attempt)
