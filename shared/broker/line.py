"""A connection of one's own to the server that holds a key, for waiting on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis

from shared.broker import topology

if TYPE_CHECKING:
    from redis.connection import AbstractConnection


class Line:
    """Opened when something is sent, after an error anew, to where the key is then.

    Every method raises the driver's errors; the line is closed by then.
    """

    def __init__(self, client: redis.Redis, key: str) -> None:
        """Prepare a line with the login and time-outs of `client`."""
        self._client = client
        self._key = key
        self._node: redis.Redis | None = None
        self._connection: AbstractConnection | None = None
        self._has_left = topology.leaving_watch(client)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._connection is not None

    def send(self, *command: Any) -> None:
        """Send a command."""
        try:
            connection = self._connection
            if connection is not None and self._has_left(connection):
                self.close()
                connection = None
            (connection or self._open()).send_command(*command)
        except BaseException as error:
            self._fail(error)
            raise

    def can_read(self, timeout_s: float) -> bool:
        """Wait up to `timeout_s` for an answer; whether there is one."""
        try:
            return self._present().can_read(timeout_s)
        except BaseException as error:
            self._fail(error)
            raise

    def read(self) -> Any:
        """Return the next answer."""
        try:
            return self._present().read_response()
        except BaseException as error:
            self._fail(error)
            raise

    def fileno(self) -> int:
        """Return the socket, for a selector."""
        socket = self._present()._get_socket()  # noqa: SLF001 - there is no other way
        return -1 if socket is None else socket.fileno()

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _present(self) -> AbstractConnection:
        if self._connection is None:
            message = "The line is closed."
            raise redis.exceptions.ConnectionError(message)
        return self._connection

    def _open(self) -> AbstractConnection:
        self._node = topology.node_of(self._client, self._key)
        pool = self._node.connection_pool
        connection: AbstractConnection = pool.connection_class(
            **{**pool.connection_kwargs, "health_check_interval": 0}
        )
        connection.connect()
        self._connection = connection
        return connection

    def _fail(self, error: BaseException) -> None:
        self.close()
        if self._node is not None and isinstance(error, redis.exceptions.RedisError):
            topology.learn(self._client, error, self._node)
