"""The server's clock between two answers of the server."""

from __future__ import annotations

from shared import clock


class ServerClock:
    """Continues the last time that Redis told with the monotonic clock.

    So neither a step of this machine's wall clock nor its distance from the server's
    makes a slot early or late.
    """

    def __init__(self) -> None:
        self._offset_ms: float | None = None

    def saw(self, now_ms: int) -> None:
        """Remember what the server's clock said just now, epoch milliseconds."""
        self._offset_ms = now_ms - clock.monotonic_ms()

    def now_ms(self) -> int:
        """Return what the server's clock says now, epoch milliseconds.

        Raises:
            RuntimeError: When the server has not been asked yet.
        """
        return int(self._now())

    def until_ms(self, instant_ms: int) -> float:
        """Return the milliseconds from now to `instant_ms`; negative when past."""
        return instant_ms - self._now()

    def _now(self) -> float:
        if self._offset_ms is None:
            message = "The server's clock is not known before its first answer."
            raise RuntimeError(message)
        return self._offset_ms + clock.monotonic_ms()
