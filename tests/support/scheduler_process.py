"""A real scheduler process that tests start, ask and kill."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAST_TICK = "nightshift_scheduler_last_tick_timestamp_seconds "


class SchedulerProcess:
    """`python -m services.scheduler` on one namespace, without the defaults."""

    def __init__(self, redis_url: str, namespace: str) -> None:
        """Describe it; `start` starts it, again after a `kill`."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._environment = {
            **os.environ,
            "REDIS_URL": redis_url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
            "NIGHTSHIFT_HEALTH_PORT": str(self._port),
            "NIGHTSHIFT_LOG_LEVEL": "ERROR",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it is not waited for."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.scheduler"],
            cwd=ROOT,
            env=self._environment,
        )

    def kill(self) -> None:
        """End the process without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_tick_s(self) -> float:
        """Return what its metrics say of its last tick, epoch seconds; 0 for none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except OSError:
            return 0.0
        finally:
            connection.close()
        lines = [line for line in text.splitlines() if line.startswith(LAST_TICK)]
        return float(lines[0].removeprefix(LAST_TICK)) if lines else 0.0
