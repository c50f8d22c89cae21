"""Connections that go where they were checked to go, and end in time."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from httpcore2 import (
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    ReadTimeout,
    SyncBackend,
    WriteTimeout,
)

from services.worker.egress.addresses import is_allowed
from services.worker.egress.resolver import ResolutionError
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable

    from services.worker.egress.resolver import Endpoint, Resolver

#: Longest wait for one of several addresses, in seconds.
_CONNECT_TIMEOUT_S = 5.0


class ForbiddenAddressError(UnrecoverableError):
    """Raised when a host's address is none that may be called."""


class GuardedBackend(NetworkBackend):
    """Resolves once, checks all answers, connects to what was checked.

    The host's name stays in the request and in the TLS handshake.
    """

    def __init__(
        self, *, resolver: Resolver, deadline: float, allow_private: bool
    ) -> None:
        """Guard the connections of one call.

        Args:
            resolver: Finds addresses.
            deadline: When everything is over, in `time.monotonic()` seconds.
            allow_private: Whether loopback and private networks are allowed, too.
        """
        self._resolver = resolver
        self._deadline = deadline
        self._allow_private = allow_private
        self._sockets = SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        """Connect to the first checked address that answers.

        Raises:
            ForbiddenAddressError: When any address of the host is forbidden.
            httpcore2.ConnectError: When none answers.
        """
        del timeout
        failure: Exception = ConnectError(f"The host {host!r} has no address.")
        for endpoint in self._checked(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    str(endpoint.address),
                    port,
                    min(self._left_s(ConnectTimeout), _CONNECT_TIMEOUT_S),
                    local_address,
                    socket_options,
                )
            except (ConnectError, ConnectTimeout) as error:
                failure = error
                continue
            self._check_peer(stream, endpoint)
            return TimedStream(stream, deadline=self._deadline)
        raise failure

    def _checked(self, host: str, port: int) -> list[Endpoint]:
        left_s = self._left_s(ConnectTimeout)
        try:
            endpoints = self._resolver(host, port, timeout_s=left_s)
        except ResolutionError as error:
            raise ConnectError(str(error)) from error
        # One forbidden answer spoils all: an honest host has none.
        for endpoint in endpoints:
            if not is_allowed(endpoint.address, allow_private=self._allow_private):
                message = (
                    f"The host {host!r} is not called: "
                    "it is, or may be, inside a private or reserved network."
                )
                raise ForbiddenAddressError(message)
        return endpoints

    def _check_peer(self, stream: NetworkStream, endpoint: Endpoint) -> None:
        peer: Any = stream.get_extra_info("server_addr")
        if ip_address(str(peer[0]).partition("%")[0]) != endpoint.address:
            stream.close()
            raise ForbiddenAddressError("The connection went astray; it was closed.")

    def _left_s(self, late: type[Exception]) -> float:
        return _left_s(self._deadline, late)


class TimedStream(NetworkStream):
    """A connection on which every wait ends at the deadline, however slow the drip."""

    def __init__(self, stream: NetworkStream, *, deadline: float) -> None:
        """Wrap `stream`; `deadline` is in `time.monotonic()` seconds."""
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there."""
        return self._stream.read(max_bytes, self._limit(timeout, ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write everything."""
        self._stream.write(buffer, self._limit(timeout, WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> NetworkStream:
        """Encrypt from here on."""
        limit_s = self._limit(timeout, ConnectTimeout)
        secure = self._stream.start_tls(ssl_context, server_hostname, limit_s)
        return TimedStream(secure, deadline=self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Tell about the connection."""
        return self._stream.get_extra_info(info)

    def _limit(self, timeout: float | None, late: type[Exception]) -> float:
        left_s = _left_s(self._deadline, late)
        return left_s if timeout is None else min(timeout, left_s)


def _left_s(deadline: float, late: type[Exception]) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise late("The deadline has passed.")
    return left_s
