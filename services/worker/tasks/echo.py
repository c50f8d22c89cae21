"""Says it back, in steps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared.contracts.tasks.echo import Echo, Echoed
from shared.errors import TaskError

if TYPE_CHECKING:
    from services.worker.context import JobContext

#: Longest sleep at a stretch, in seconds; in between, the job can be stopped.
_SLICE_S = 0.05


def run(data: Echo, context: JobContext) -> Echoed:
    """Report the steps one by one, then return the text."""
    for step in range(1, data.steps + 1):
        _work(data.step_ms / 1000, context)
        context.progress(round(100 * step / data.steps))
    context.log(f"Said it after {data.steps} steps.")
    return Echoed(msg=data.msg, steps=data.steps)


def _work(duration_s: float, context: JobContext) -> None:
    end = time.monotonic() + duration_s
    while True:
        if context.cancelled:
            message = "The job was told to stop."
            raise TaskError(message)
        left_s = end - time.monotonic()
        if left_s <= 0:
            return
        time.sleep(min(left_s, _SLICE_S))
