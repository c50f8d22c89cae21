"""How long to wait before the next attempt."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.contracts.model import Model

#: No backoff waits longer than this, whatever the exponent says.
MAX_BACKOFF_MS = 7 * 24 * 3600 * 1000


class Backoff(Model):
    """BullMQ's backoff: `fixed` waits `delay` each time, `exponential` doubles it.

    Attributes:
        type: `fixed` or `exponential`.
        delay: Base wait, in milliseconds.
        jitter: Share of the wait that is random, 0 to 1: the wait is drawn evenly
            from `[(1 - jitter) * wait, wait]`.
    """

    type: Literal["fixed", "exponential"] = "exponential"
    delay: int = Field(default=1000, ge=0, le=MAX_BACKOFF_MS)
    jitter: float = Field(default=0.0, ge=0, le=1)


def backoff_ms(backoff: Backoff, *, attempts_made: int, dice: float) -> int:
    """Return the wait before the next attempt, in milliseconds.

    Source of the formula: BullMQ's documentation, `2 ^ (attemptsMade - 1) * delay`.

    Args:
        backoff: The policy.
        attempts_made: How many attempts have failed, 1 or more.
        dice: A random number, 0 or more and below 1; it decides the jitter.

    >>> backoff_ms(Backoff(type="exponential", delay=100), attempts_made=3, dice=0)
    400
    >>> shaken = Backoff(type="fixed", delay=100, jitter=0.5)
    >>> backoff_ms(shaken, attempts_made=9, dice=0)
    50
    """
    if backoff.type == "fixed":
        wait = backoff.delay
    else:
        # The exponent is capped so that the shift stays small; the product is, too.
        wait = min(backoff.delay << min(attempts_made - 1, 40), MAX_BACKOFF_MS)
    floor = wait * (1 - backoff.jitter)
    return round(floor + (wait - floor) * dice)
