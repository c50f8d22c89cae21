"""Waiting for work: an idle consumer blocks on its queue's wake key.

The wait is on our side of the socket, to the millisecond; Redis's own time-outs of
blocked clients are only checked about ten times a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis

from shared import clock
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    from redis.connection import AbstractConnection

#: How long Redis blocks us at most, in seconds.
BLOCK_S = 5
#: Silence beyond that means a dead connection, in milliseconds.
SILENCE_MS = (BLOCK_S + 3) * 1000.0


class WakeListener:
    """Listens to one queue's wake key on a connection of its own."""

    def __init__(self, client: redis.Redis, wake_key: str) -> None:
        """Prepare; the connection is opened by the first wait."""
        self._client = client
        self._wake_key = wake_key
        self._connection: AbstractConnection | None = None
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
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
        self._asked_at_ms = None

    def _wait(self, timeout_s: float) -> bool:
        connection = self._connection or self._connect()
        if self._asked_at_ms is None:
            connection.send_command("BLPOP", self._wake_key, BLOCK_S)
            self._asked_at_ms = clock.monotonic_ms()
        if not connection.can_read(timeout_s):
            if clock.monotonic_ms() - self._asked_at_ms > SILENCE_MS:
                message = "Redis keeps silent beyond its time-out."
                raise redis.exceptions.TimeoutError(message)
            return False
        reply = connection.read_response()
        self._asked_at_ms = None
        return reply is not None

    def _connect(self) -> AbstractConnection:
        pool = self._client.connection_pool
        connection: AbstractConnection = pool.connection_class(
            **{**pool.connection_kwargs, "health_check_interval": 0}
        )
        connection.connect()
        self._connection = connection
        return connection
