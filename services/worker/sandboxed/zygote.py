"""A process that has everything imported and forks a child per order.

It is started as a program of its own, so it shares no memory, no threads and no
secrets with the worker; and it is single-threaded, so its forks are safe. Over the
control socket the worker sends two sockets per order: the child talks over the first;
over the second the zygote reports how the child ended. A worker that hangs up the
second wants the child killed; one that hangs up the control socket is gone.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket

from services.worker.sandboxed import child
from services.worker.sandboxed.ending import STATUS

_CRASHED = 70


def main() -> None:
    """Serve on standard input, a socket, until the worker hangs up."""
    control = socket.socket(fileno=0)
    gc.freeze()
    Zygote(control).serve()


class Zygote:
    """The forking loop."""

    def __init__(self, control: socket.socket) -> None:
        """Take orders over `control`."""
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, socket.socket] = {}
        self._wake_reader, self._wake_writer = socket.socketpair()

    def serve(self) -> None:
        """Fork, kill and reap until the worker hangs up; then kill what is left."""
        self._wake_on_child_end()
        self._selector.register(self._control, selectors.EVENT_READ, self._take_order)
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._reap)
        serving = True
        while serving:
            for key, _ in self._selector.select():
                serving = key.data() and serving
        for process_id in self._children:
            _kill(process_id)

    def _wake_on_child_end(self) -> None:
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _take_order(self) -> bool:
        try:
            message, sockets, _, _ = socket.recv_fds(self._control, 1, 2)
        except ConnectionResetError:
            return False
        if not message:
            return False
        connection_fd, status_fd = sockets
        zygote_id = os.getpid()
        process_id = os.fork()
        if process_id == 0:
            self._become_child(connection_fd, parent_id=zygote_id)
        os.close(connection_fd)
        status = socket.socket(fileno=status_fd)
        self._children[process_id] = status
        self._selector.register(
            status, selectors.EVENT_READ, lambda: self._kill_child(process_id)
        )
        return True

    def _become_child(self, connection_fd: int, *, parent_id: int) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child.run(connection_fd, parent_id=parent_id)
        finally:
            os._exit(_CRASHED)

    def _kill_child(self, process_id: int) -> bool:
        status = self._children.get(process_id)
        # It may have been reaped a moment ago, in the same round.
        if status is not None:
            # A hang-up stays readable until the child is reaped; once is enough.
            self._selector.unregister(status)
            _kill(process_id)
        return True

    def _reap(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass
        while self._children:
            process_id, wait_status = os.waitpid(-1, os.WNOHANG)
            if process_id == 0:
                break
            self._report(process_id, wait_status)
        return True

    def _report(self, process_id: int, wait_status: int) -> None:
        status = self._children.pop(process_id)
        with contextlib.suppress(KeyError):
            self._selector.unregister(status)
        with contextlib.suppress(OSError), status:
            status.send(STATUS.pack(wait_status))


def _kill(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
