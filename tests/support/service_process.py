"""Any program that answers HTTP, as a child that a test can end, freeze and revive."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from tests.support.wait import wait_for
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_S = 60


class ServiceProcess:
    """One program in a process group of its own; it can be started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        port: int | None = None,
        environment: Mapping[str, str] | None = None,
        ready_path: str = "/readyz",
    ) -> None:
        """Describe a program; nothing runs yet.

        Args:
            name: What its log is called.
            command: Program and arguments.
            folder: Where its log goes.
            port: Where on the loopback it will answer; a free one when None.
            environment: Variables beside this process's own.
            ready_path: Answers 200 when the program is ready.
        """
        self.port = port or free_port()
        self._name = name
        self._command = list(command)
        self._environment = {**os.environ, **(environment or {})}
        self._ready_path = ready_path
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> Self:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._is_ready, within_s=START_S, what=f"{self._name} is ready")
        return self

    def stop(self) -> None:
        """Ask it to end, and wait for it."""
        if self._process is not None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            finally:
                self.kill()

    def kill(self) -> None:
        """End it at once, with all its children."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it stand still, as a machine out of breath does."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._name} ended: {self.log}"
        url = f"http://127.0.0.1:{self.port}{self._ready_path}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
