"""`python -m benchmarks.http`: POST of a job beside a bare Flask route.

Both run on the same server with the same settings, in turn, several rounds; medians and
their ratio count. The jobs go to a real Redis; nobody takes them.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.http_load import Load, load, request
from cli.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 5
ROUND_S = 4.0
WARM_UP_S = 1.0
CONNECTIONS = 16
#: What is to be reached, as a share of the bare route.
WANTED = 0.6
TOKEN = "a-token-of-the-benchmark-0123456789"  # noqa: S105 - of a throw-away server
BODY = json.dumps({"name": "echo", "data": {"msg": "x" * 180}}).encode()


def main() -> None:
    """Print the table."""
    with ExitStack() as stack:
        ports = _started(stack)
        calls = {
            "bare": request("/bare", BODY, TOKEN),
            "jobs": request("/api/v1/jobs/demo", BODY, TOKEN),
        }
        runs: dict[str, list[Load]] = {name: [] for name in calls}
        for turn in range(ROUNDS + 1):
            seconds = ROUND_S if turn else WARM_UP_S
            for name, call in calls.items():
                done = load(
                    ports[name],
                    call,
                    expected=202,
                    connections=CONNECTIONS,
                    seconds=seconds,
                )
                if turn:
                    runs[name].append(done)
    bare, jobs = (statistics.median(r.per_s for r in runs[n]) for n in calls)
    print(f"| median of {ROUNDS} rounds, {CONNECTIONS} connections | per s | p99 ms |")
    print("|---|---|---|")
    for name, label in (("bare", "a bare Flask JSON route"), ("jobs", "POST of a job")):
        p99 = statistics.median(r.p99_ms for r in runs[name])
        per_s = statistics.median(r.per_s for r in runs[name])
        print(f"| {label} | {per_s:,.0f} | {p99:.1f} |")
    print(f"\nPOST reaches {jobs / bare:.0%} of the bare route; wanted {WANTED:.0%}.")


def _started(stack: ExitStack) -> dict[str, int]:
    folder = Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="nightshift-"))
    )
    program = os.environ.get("NIGHTSHIFT_TEST_REDIS")
    redis = stack.enter_context(
        RedisServer(folder / "redis", program=Path(program) if program else None)
    )
    ports = {"bare": _free_port(), "jobs": _free_port()}
    settings = {
        "REDIS_URL": redis.url,
        "NIGHTSHIFT_API_TOKEN": TOKEN,
        "NIGHTSHIFT_API_PORT": str(ports["jobs"]),
        "NIGHTSHIFT_STORAGE_DIR": str(folder / "files"),
    }
    commands = {
        "bare": ["benchmarks.http_contestant", str(ports["bare"])],
        "jobs": ["services.api"],
    }
    for name, command in commands.items():
        stack.enter_context(_running(command, settings, folder / f"{name}.log"))
    for port in ports.values():
        _await(port)
    return ports


@contextmanager
def _running(
    command: list[str], settings: dict[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, **settings},
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def _await(port: int) -> None:
    ends_at = time.monotonic() + 30
    while time.monotonic() < ends_at:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = f"Nothing listens on port {port}."
    raise RuntimeError(message)


if __name__ == "__main__":
    main()
