"""Waiting for work: an idle consumer blocks on its queue's wake key.

The wait is on our side of the socket, to the millisecond; Redis's own time-outs of
blocked clients are only checked about ten times a second.
"""

from __future__ import annotations

import redis

from shared import clock
from shared.broker.connection import translated_errors
from shared.broker.line import Line

#: How long Redis blocks us at most, in seconds.
BLOCK_S = 5
#: Silence beyond that means a dead connection, in milliseconds.
SILENCE_MS = (BLOCK_S + 3) * 1000.0


class WakeListener:
    """Listens to one queue's wake key on a connection of its own."""

    def __init__(self, client: redis.Redis, wake_key: str) -> None:
        """Prepare; the connection is opened by the first wait."""
        self._line = Line(client, wake_key)
        self._wake_key = wake_key
        self._asked_at_ms: float | None = None

    def wait(self, *, timeout_s: float) -> bool:
        """Return True as soon as there may be work, False after `timeout_s`.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        with translated_errors():
            try:
                return self._wait(timeout_s)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connection; a later wait opens another."""
        self._line.close()
        self._asked_at_ms = None

    def _wait(self, timeout_s: float) -> bool:
        line = self._line
        if self._asked_at_ms is None:
            line.send("BLPOP", self._wake_key, BLOCK_S)
            self._asked_at_ms = clock.monotonic_ms()
        if not line.can_read(timeout_s):
            if clock.monotonic_ms() - self._asked_at_ms > SILENCE_MS:
                message = "Redis keeps silent beyond its time-out."
                raise redis.exceptions.TimeoutError(message)
            return False
        try:
            reply = line.read()
        except redis.exceptions.AskError:
            # A Cluster moves the queue to another node; there may be work there.
            reply = True
        self._asked_at_ms = None
        return reply is not None
