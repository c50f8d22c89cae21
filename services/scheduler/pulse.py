"""Whether the scheduler ticks: what its probes answer."""

from __future__ import annotations

from shared import clock

#: Without a tick that succeeded for so long, it is not ready.
READY_WITHIN_MS = 10_000
#: Without a tick that was begun for so long, it must be restarted. A tick that waits
#: for Redis in vain takes a few seconds.
LIVE_WITHIN_MS = 60_000


class Pulse:
    """Remembers the last ticks, by the monotonic clock."""

    def __init__(self) -> None:
        self._begun_at = clock.monotonic_ms()
        self._succeeded_at: float | None = None
        self._trouble = "There was no tick yet."

    def begin(self) -> None:
        """Note that a tick begins."""
        self._begun_at = clock.monotonic_ms()

    def succeed(self) -> None:
        """Note that the tick did all it had to."""
        self._succeeded_at = clock.monotonic_ms()

    def fail(self, trouble: str) -> None:
        """Note why the tick could not do all it had to."""
        self._trouble = trouble

    def why_not_ready(self) -> str | None:
        """Return why slots are not fired now, None when they are."""
        if self._succeeded_at is None:
            return f"No tick has succeeded yet. {self._trouble}"
        age_ms = clock.monotonic_ms() - self._succeeded_at
        if age_ms <= READY_WITHIN_MS:
            return None
        return f"The last good tick was {age_ms / 1000:.0f} s ago. {self._trouble}"

    def why_not_live(self) -> str | None:
        """Return why the process must be restarted, None when it need not."""
        age_ms = clock.monotonic_ms() - self._begun_at
        if age_ms <= LIVE_WITHIN_MS:
            return None
        return f"The last tick began {age_ms / 1000:.0f} s ago."
