"""Free TCP ports on the loopback interface."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"
#: How many ports after the wished one are tried before any port will do.
_NEIGHBOURS = 20


class Ports:
    """Hands out ports that are free now, none twice."""

    def __init__(self) -> None:
        """Start with none handed out."""
        self._taken: set[int] = set()

    def take(self, wish: int = 0) -> int:
        """Return `wish`, or a free port near it, or any free port when it is 0."""
        nearby = range(wish, wish + _NEIGHBOURS) if wish else ()
        port = next((p for p in nearby if p not in self._taken and is_free(p)), None)
        while port is None or port in self._taken:
            port = _any_free()
        self._taken.add(port)
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        # As servers do: connections of the last run that linger don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
