"""A real worker: `python -m services.worker` in a process group of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from tests.support.wait import wait_for


def free_port() -> int:
    """Return a port of the loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class WorkerProcess:
    """One worker, ended with the block that it is used in."""

    program = "services.worker"

    def __init__(
        self, redis_url: str, namespace: str, folder: Path, **settings: str
    ) -> None:
        """Describe a worker; `settings` are environment variables."""
        self._port = free_port()
        self._log = folder / f"worker-{self._port}.log"
        self._environment = {
            **os.environ,
            "REDIS_URL": redis_url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_STORAGE_DIR": str(folder / "files"),
            "NIGHTSHIFT_WORKER_THREADS": "4",
            "NIGHTSHIFT_HEALTH_PORT": str(self._port),
            "NIGHTSHIFT_WORKER_QUEUES": "demo",
            "NIGHTSHIFT_GRACE_S": "5",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.program],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self._is_ready, within_s=30, what=f"ready worker: {self.log}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.kill()

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    @property
    def worker_pid(self) -> int:
        """The process in which jobs run: Dramatiq's child."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0])

    @property
    def has_ended(self) -> bool:
        """Whether its first process is gone."""
        return self._process is None or self._process.poll() is not None

    def terminate(self) -> None:
        """Send SIGTERM as an orchestrator does, to the first process only."""
        assert self._process is not None
        self._process.terminate()

    def wait(self, *, timeout_s: float) -> int:
        """Return the exit status."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def kill(self) -> None:
        """Kill -9 the whole process group, as a lost machine would."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        url = f"http://127.0.0.1:{self._port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
