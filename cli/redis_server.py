"""An embedded Redis or Valkey server, reachable through a Unix socket only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from cli import launch, redis_program
from cli.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
_POLL_S = 0.005
#: The kernel takes 107 bytes (Linux), macOS 103.
_LONGEST_SOCKET_PATH = 100
_LOG_LINES = 5


class RedisServer:
    """One server whose data, log and socket lie in one folder.

    Start it from a thread that lives as long as the server: the kernel stops the
    server when the thread that started it ends. After `stop` or `kill` it can be
    started again, with the same URL and the data that reached the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        options: Mapping[str, str] | None = None,
        program: Path | None = None,
    ) -> None:
        """Describe a server; nothing is started or written yet.

        Args:
            folder: Where it keeps its data; created when missing.
            options: Directives of redis.conf that replace or extend ours.
            program: The server program; searched when None.
        """
        self.folder = folder.resolve()
        self._options = dict(options or {})
        self._program = program
        self._socket = _socket_path(self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The `unix://` URL for a Redis client."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The process id of the running server."""
        return self._process.pid if self.is_running and self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_file(self) -> Path:
        """Where the server writes its own log."""
        return self.folder / "redis.log"

    def start(self, *, timeout_s: float = START_TIMEOUT_S) -> Self:
        """Start the server and wait until it answers PING.

        Raises:
            ServerError: When there is no program, the folder is in use, or the
                server ends or stays silent for `timeout_s` seconds.
        """
        if self.is_running:
            return self
        program = self._program or redis_program.find()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = self._lock()
        try:
            self._process = self._spawn(program, lock)
        finally:
            # The server inherited it: the folder stays locked as long as it lives.
            os.close(lock)
        try:
            self._wait_for_pong(timeout_s)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, *, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask the server to save and end; kill it after `timeout_s` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._forget()

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._forget()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _lock(self) -> int:
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        # A server that was told to stop a moment ago may still be saving.
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(lock)
                    raise ServerError(
                        f"Another server already works in {self.folder}. Stop it, or "
                        "choose another folder."
                    ) from None
                time.sleep(0.1)
            else:
                return lock

    def _spawn(self, program: Path, lock: int) -> subprocess.Popen[bytes]:
        directives = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            **self._options,
        }
        arguments = [
            word for key, value in directives.items() for word in (f"--{key}", value)
        ]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                launch.command([str(program), *arguments]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),
                start_new_session=True,
            )

    def _wait_for_pong(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not _answers_pong(self._socket):
            if not self.is_running:
                raise ServerError(
                    f"The Redis server did not start. {self._last_words()}"
                )
            if time.monotonic() >= deadline:
                raise ServerError(
                    f"The Redis server gave no answer within {timeout_s:g} s. "
                    f"{self._last_words()}"
                )
            time.sleep(_POLL_S)

    def _last_words(self) -> str:
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            return f"It wrote no log to {self.log_file}."
        return "\n".join([f"The end of {self.log_file}:", *lines[-_LOG_LINES:]])

    def _forget(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
        self._socket.unlink(missing_ok=True)
        if self._socket.parent != self.folder:
            with contextlib.suppress(OSError):
                self._socket.parent.rmdir()


def _socket_path(folder: Path) -> Path:
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    short = Path(tempfile.gettempdir()) / f"nightshift-{secrets.token_hex(8)}"
    return short / "redis.sock"


def _answers_pong(path: Path) -> bool:
    """Whether the server accepts commands; one that still loads its data does not."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False
