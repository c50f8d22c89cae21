"""What the worker and a sandboxed child say to each other."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import TYPE_CHECKING

from services.worker.sandboxed.ending import STATUS
from services.worker.sandboxed.framing import Frame, FramingError, Incoming
from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from services.worker.sandboxed.orders import Limits

#: Longest wait between two looks at deadline and cancellation, in milliseconds. It is
#: also when an exception that Dramatiq raises in this thread gets through.
POLL_MS = 50
#: Longest wait for the report of a child's end, in seconds.
_REPORT_S = 1.0
_CHUNK_BYTES = 256 * 1024


class SandboxError(TaskError):
    """Raised when a child ended without finishing its order; another try may help."""


class SandboxTimeoutError(SandboxError):
    """Raised when the deadline passed; the child was killed."""


class SandboxStoppedError(SandboxError):
    """Raised when the job should stop; the child was killed."""


class Conversation:
    """Sends the order and the file, and takes what comes back."""

    def __init__(
        self,
        connection: socket.socket,
        status: socket.socket,
        *,
        limits: Limits,
        outgoing: Iterator[bytes],
        incoming: Incoming,
        deadline: float,
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Talk over `connection`; `Sandbox.run` tells what the rest means."""
        self._connection = connection
        self._status = status
        self._limits = limits
        self._outgoing = outgoing
        self._pending = memoryview(b"")
        self._is_sending = True
        self._incoming = incoming
        self._deadline = deadline
        self._is_cancelled = is_cancelled

    def parts(self) -> Iterator[Frame]:
        """Yield what the child makes, until it says that it is done."""
        while True:
            try:
                for frame in self._incoming.feed(self._exchange()):
                    if frame.header.get("kind") == "done":
                        return
                    yield self._checked(frame)
            except FramingError:
                message = "The sandbox answered something unintelligible."
                raise SandboxError(message) from None

    def _exchange(self) -> bytes:
        """Send what goes, and return what comes."""
        poller = select.poll()
        poller.register(self._connection, select.POLLIN | select.POLLOUT)
        while True:
            self._check()
            if not self._is_sending:
                poller.modify(self._connection, select.POLLIN)
            for _, happened in poller.poll(POLL_MS):
                if happened & ~select.POLLOUT:
                    return self._receive()
                self._send()

    def _check(self) -> None:
        if time.monotonic() >= self._deadline:
            message = "The file was not done in time."
            raise SandboxTimeoutError(message)
        if self._is_cancelled():
            message = "The job was told to stop."
            raise SandboxStoppedError(message)

    def _send(self) -> None:
        if not self._pending:
            self._pending = memoryview(next(self._outgoing, b""))
        if not self._pending:
            self._is_sending = False
            return
        try:
            sent = self._connection.send(self._pending[:_CHUNK_BYTES])
        except (BrokenPipeError, ConnectionResetError):
            # The child is gone; what it said before is still to be read.
            self._is_sending = False
        else:
            self._pending = self._pending[sent:]

    def _receive(self) -> bytes:
        try:
            piece = self._connection.recv(_CHUNK_BYTES)
        except ConnectionResetError:
            piece = b""
        if not piece:
            raise self._end(report(self._status))
        return piece

    def _checked(self, frame: Frame) -> Frame:
        kind = frame.header.get("kind")
        if kind == "part":
            return frame
        if kind == "memory":
            raise self._out_of_memory()
        message = str(frame.header.get("message", ""))[:500]
        if kind == "rejected":
            raise UnrecoverableError(message)
        raise SandboxError(message)

    def _end(self, wait_status: int | None) -> TaskError:
        """Put into words how the child ended before its time."""
        if wait_status is None or not os.WIFSIGNALED(wait_status):
            return SandboxError("The sandbox ended without an answer.")
        number = os.WTERMSIG(wait_status)
        if number == signal.SIGXCPU:
            return UnrecoverableError(
                f"The file takes more than {self._limits.cpu_s} s of processor time."
            )
        if number in (signal.SIGKILL, signal.SIGALRM):
            return SandboxError("The sandbox was killed, perhaps for lack of memory.")
        name = signal.Signals(number).name
        return UnrecoverableError(f"The file makes its reader crash ({name}).")

    def _out_of_memory(self) -> UnrecoverableError:
        megabytes = self._limits.memory_bytes // (1024 * 1024)
        return UnrecoverableError(f"The file takes more than {megabytes} MB of memory.")


def report(status: socket.socket) -> int | None:
    """Return how the child ended, or None when the zygote doesn't say."""
    status.settimeout(_REPORT_S)
    try:
        said = status.recv(STATUS.size)
    except OSError:
        return None
    return int(STATUS.unpack(said)[0]) if len(said) == STATUS.size else None
