"""A TCP proxy in front of a server that can harm what passes through it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_CHUNK = 2**16
#: SO_LINGER with no time: close sends a reset, not a farewell.
_ABRUPTLY = struct.pack("ii", 1, 0)


class Fate(Enum):
    """What becomes of a reply."""

    ARRIVE = "arrive"
    DROP = "drop"  # the server has done the work; the client sees a reset
    TRUNCATE = "truncate"  # half of it arrives, then a reset


def always_arrive(_request: bytes) -> Fate:
    """Harm nothing."""
    return Fate.ARRIVE


class TcpProxy:
    """Listens on loopback and passes on to a Unix socket or a TCP address."""

    def __init__(self, target: str | tuple[str, int]) -> None:
        """Stand in front of `target`, a path or (host, port)."""
        self.target = target
        #: Says what becomes of the reply to a request.
        self.fate_of: Callable[[bytes], Fate] = always_arrive
        #: How long every reply is held back, in seconds.
        self.delay_s = 0.0
        self.flows = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[_Connection] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self.flows.set()
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(timeout=10)
        self._listener.close()
        self.thaw()
        self.reset()

    @property
    def url(self) -> str:
        """Where a Redis client finds it."""
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"

    def freeze(self) -> None:
        """Pass nothing more on: connections stay open, and silent."""
        self.flows.clear()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self.flows.set()

    def reset(self) -> None:
        """Reset all connections."""
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.end()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:  # the listener was shut down
                return
            self._connections = [c for c in self._connections if not c.has_ended]
            try:
                self._connections.append(_Connection(self, near))
            except OSError:  # nobody listens there now
                near.close()


class _Connection:
    """One client's connection and the one to the server that belongs to it."""

    def __init__(self, proxy: TcpProxy, near: socket.socket) -> None:
        self._proxy = proxy
        self._near = near
        is_path = isinstance(proxy.target, str)
        self._far = socket.socket(socket.AF_UNIX if is_path else socket.AF_INET)
        try:
            self._far.connect(proxy.target)
        except OSError:
            self._far.close()
            raise
        self._request = b""
        self._ending = threading.Lock()
        self._threads = [
            threading.Thread(target=self._pass, args=(act,), daemon=True)
            for act in (self._ask, self._answer)
        ]
        self.has_ended = False
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Reset the client's side, close the server's."""
        with self._ending, suppress(OSError):
            if self.has_ended:
                return
            self.has_ended = True
            self._near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPTLY)
            # A thread that reads keeps its socket open: it has to be woken first,
            # by what does not say farewell to the client.
            self._near.shutdown(socket.SHUT_RD)
            self._far.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=10)
        self._near.close()
        self._far.close()

    def _pass(self, act: Callable[[], bool]) -> None:
        with suppress(OSError):
            while act():
                pass
        self.end()

    def _ask(self) -> bool:
        data = self._near.recv(_CHUNK)
        self._proxy.flows.wait()
        self._request += data
        self._far.sendall(data)
        return data != b""

    def _answer(self) -> bool:
        data = self._far.recv(_CHUNK)
        request, self._request = self._request, b""
        self._proxy.flows.wait()
        if self._proxy.delay_s:
            time.sleep(self._proxy.delay_s)
        fate = self._proxy.fate_of(request) if data else Fate.ARRIVE
        if fate is Fate.ARRIVE:
            self._near.sendall(data)
            return data != b""
        if fate is Fate.TRUNCATE:
            self._near.sendall(data[: len(data) // 2])
        return False
