"""The process that forks sandboxed children, seen from the worker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_BOOTSTRAP = (
    "import json, sys;"
    "sys.path[:] = json.loads(sys.argv[1]);"
    "from services.worker.sandboxed.zygote import main;"
    "main()"
)
#: What a program may need to find its libraries; the rest may hold secrets.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Zygote:
    """A running program that forks a child on demand; see `sandboxed/zygote.py`."""

    def __init__(self) -> None:
        """Start it."""
        self._control, theirs = socket.socketpair()
        self._owner = os.getpid()
        # The same code as ours, wherever it was found.
        paths = [str(Path(path).resolve()) for path in (str(_ROOT), *sys.path)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOTSTRAP, json.dumps(paths)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={k: os.environ[k] for k in _ENVIRONMENT if k in os.environ},
                cwd="/",
                # Ctrl-C in a terminal is for the worker, which decides what to do.
                start_new_session=True,
            )

    @property
    def is_usable(self) -> bool:
        """Whether it runs and belongs to this process, not to one that forked us."""
        return self._owner == os.getpid() and self._process.poll() is None

    def fork(self) -> tuple[socket.socket, socket.socket]:
        """Return a connection to a new child and one that tells how it ended."""
        connection, child_end = socket.socketpair()
        status, zygote_end = socket.socketpair()
        with child_end, zygote_end:
            try:
                socket.send_fds(
                    self._control, [b"f"], [child_end.fileno(), zygote_end.fileno()]
                )
            except BaseException:
                connection.close()
                status.close()
                raise
        return connection, status

    def close(self) -> None:
        """Hang up, which ends the process and its children."""
        self._control.close()
        if self._owner != os.getpid():
            return
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
