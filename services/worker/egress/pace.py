"""Waits until a host may be called."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from services.worker.memory import LONGEST_TURN_MS
from shared import clock
from shared.errors import RetryLaterError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.egress.rates import Rate

#: Waits up to this length are waited out in the worker, in seconds.
_SHORT_S = 1.0
#: Time that the call itself needs after a wait, in seconds.
_CALL_S = 5.0
_LOOK_S = 0.05


def wait_for_turn(host: str, rate: Rate, context: JobContext) -> None:
    """Return when it is this job's turn to call `host`.

    Raises:
        RetryLaterError: When that takes too long to wait here; the turn is kept.
    """
    kept = f"turn:{context.queue}/{context.job_id}/{host}"
    due = context.memory.get(kept)
    if due is not None:
        wait_ms = max(0, int(due) - clock.now_ms())
    else:
        wait_ms = context.memory.take_turn(
            f"pace:{host}", interval_ms=rate.interval_ms, burst=rate.burst
        )
    if wait_ms / 1000 <= _patience_s(context):
        _wait(wait_ms / 1000, context)
        if due is not None:
            context.memory.forget(kept)
        return
    if wait_ms <= LONGEST_TURN_MS:
        turn_ms = clock.now_ms() + wait_ms
        context.memory.put(
            kept, str(turn_ms).encode(), ttl_ms=wait_ms + LONGEST_TURN_MS
        )
    message = f"{host} may be called {rate.calls} times per {rate.per_ms // 1000} s."
    delay_ms = min(wait_ms, LONGEST_TURN_MS)
    raise RetryLaterError(message, delay_ms=delay_ms, uses_attempt=False)


def _patience_s(context: JobContext) -> float:
    left_s = context.remaining_s() - _CALL_S
    # Who has no other attempt waits as long as there is time.
    is_last = context.attempt >= context.attempts
    return left_s if is_last else min(_SHORT_S, left_s)


def _wait(seconds: float, context: JobContext) -> None:
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0 and not context.cancelled:
        time.sleep(min(left_s, _LOOK_S))
