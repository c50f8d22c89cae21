"""Runs what can't be trusted or interrupted in a child that can be killed."""

from __future__ import annotations

import atexit
import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from services.worker.sandbox_conversation import Conversation, report
from services.worker.sandbox_zygote import Zygote
from services.worker.sandboxed.framing import Frame, Incoming, opening
from services.worker.sandboxed.orders import Assignment, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from services.worker.sandboxed.orders import Order

#: How much later than the deadline a child ends itself if nobody does, in seconds.
_BACKSTOP_S = 5.0


@dataclass(frozen=True)
class Source:
    """The file to work on.

    Attributes:
        chunks: Its content.
        size: Bytes.
    """

    chunks: Iterable[bytes]
    size: int


class Sandbox:
    """Forks a limited child per order, from a process that has everything imported."""

    def __init__(self, *, limits: Limits | None = None) -> None:
        """Give every child `limits`; nothing is started yet."""
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None

    def warm(self) -> None:
        """Start the process that forks, so that the first order doesn't wait for it."""
        with self._lock:
            self._living_zygote()

    def close(self) -> None:
        """End the process that forks, and its children."""
        with self._lock:
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    @contextlib.contextmanager
    def run(
        self,
        order: Order,
        source: Source,
        *,
        max_part_bytes: int,
        deadline: float,
        is_cancelled: Callable[[], bool],
    ) -> Iterator[Iterator[Frame]]:
        """Give a child an order; yields what it makes, piece by piece.

        The child is dead when this ends, in whatever way.

        Args:
            order: What to do.
            source: With what.
            max_part_bytes: Size of the largest piece that is taken, in bytes.
            deadline: When the child is killed, in `time.monotonic()` seconds.
            is_cancelled: Asked every now and then whether to stop.

        Raises:
            UnrecoverableError: When the file can't be worked on or needs too much.
            SandboxError: When the child failed otherwise.
        """
        wall_s = max(0.001, deadline - time.monotonic()) + _BACKSTOP_S
        limits = msgspec.structs.replace(self._limits, wall_s=wall_s)
        header = msgspec.to_builtins(Assignment(order=order, limits=limits))
        connection, status = self._fork()
        try:
            connection.setblocking(False)
            yield Conversation(
                connection,
                status,
                limits=limits,
                outgoing=_outgoing(header, source),
                incoming=Incoming(max_body_bytes=max_part_bytes),
                deadline=deadline,
                is_cancelled=is_cancelled,
            ).parts()
        finally:
            _kill(status)
            connection.close()
            status.close()

    def _fork(self) -> tuple[socket.socket, socket.socket]:
        with self._lock:
            try:
                return self._living_zygote().fork()
            except OSError:
                # It died since we looked; a fresh one takes over.
                return self._living_zygote(fresh=True).fork()

    def _living_zygote(self, *, fresh: bool = False) -> Zygote:
        zygote = self._zygote
        if zygote is not None and (fresh or not zygote.is_usable):
            zygote.close()
            zygote = None
        if zygote is None:
            zygote = self._zygote = Zygote()
        return zygote


def _outgoing(header: dict[str, Any], source: Source) -> Iterator[bytes]:
    yield opening(header, body_bytes=source.size)
    yield from source.chunks


def _kill(status: socket.socket) -> None:
    """Have the child killed, if it lives, and wait until it is gone."""
    with contextlib.suppress(OSError):
        status.shutdown(socket.SHUT_WR)
        report(status)


#: The worker's own; it starts nothing until it is used.
SHARED = Sandbox()
atexit.register(SHARED.close)
