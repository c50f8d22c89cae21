"""One service as a child process with a group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cli import launch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cli.redis_server import RedisServer


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """How to run one service.

    Attributes:
        name: Prefix of its log lines.
        arguments: Program and arguments.
        environment: Its whole environment.
        probe_url: Answers 200 as soon as it is ready; None when there is no telling.
        grace_s: Seconds it gets to end by itself after SIGTERM.
        folders: Code folders, relative to the project; a change there restarts it.
    """

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    probe_url: str | None = None
    grace_s: float = 10.0
    folders: tuple[str, ...] = ()


class Part(Protocol):
    """What the runner keeps alive."""

    @property
    def spec(self) -> ChildSpec:
        """Its name, probe, grace and code folders."""

    def start(self) -> None:
        """Start it; the calling thread must live as long as it does."""

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it and everything it started, at once."""


class Child:
    """A child process whose output goes line by line to `on_line`."""

    def __init__(self, spec: ChildSpec, *, on_line: Callable[[str, str], None]) -> None:
        """Describe a child; nothing is started yet."""
        self.spec = spec
        self._on_line = on_line
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the first start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the program in a session of its own, away from the terminal's Ctrl-C.

        Raises:
            OSError: When no process can be made.
        """
        self._process = subprocess.Popen(
            launch.command(list(self.spec.arguments)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(self.spec.environment),
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=(self._process,), name=f"log-{self.spec.name}"
        )
        self._reader.daemon = True
        self._reader.start()

    def poll(self) -> int | None:
        """Return the exit status, None while it runs; what it left behind is killed."""
        process = self._process
        if process is None:
            return 0
        if process.returncode is not None:
            return process.returncode
        if not _has_ended(process):
            return None
        # The dead leader still holds its process id, so the group's id is still ours.
        _signal_group(process.pid, signal.SIGKILL)
        status = process.wait()
        self._finish_reading()
        return status

    def terminate(self) -> None:
        """Send SIGTERM to the program itself: it knows how to stop what it started."""
        if self._process is not None and self.poll() is None:
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the program and everything in its group at once."""
        if self._process is None or self.poll() is not None:
            return
        _signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._finish_reading()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip("\r\n")
                if text:
                    self._on_line(self.spec.name, text)

    def _finish_reading(self) -> None:
        if self._reader is not None:
            # A grandchild that left the group may hold the pipe open; don't wait long.
            self._reader.join(timeout=1)


class RedisPart:
    """The embedded server, for the runner."""

    def __init__(self, server: RedisServer) -> None:
        """Take a server that may or may not run yet."""
        self.spec = ChildSpec(name="redis", arguments=(), grace_s=15)
        self._server = server

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            ServerError: When it can't be started.
        """
        self._server.start()

    def poll(self) -> int | None:
        """Return 0 when it has ended; it writes why to its own log."""
        return None if self._server.is_running else 0

    def terminate(self) -> None:
        """Ask it to save and end."""
        pid = self._server.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, or clear away what is left of it."""
        self._server.kill()


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return process.poll() is not None
    flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
