"""`make bench-peers`: Nightshift beside other job queues, in one run.

Every peer gets a fresh Redis server and the same jobs: a text of 180 characters,
created one at a time, then worked off by one worker process. What each of them keeps
and promises differs: see docs/explanation/performance.md.

Arguments: how many jobs, and how many rounds.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import TEXT
from cli.ports import Ports
from cli.redis_server import RedisServer
from shared.broker.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "var" / "bench-peers"
PYTHON = FOLDER / "venv" / "bin" / "python"
PACKAGES = ("huey", "celery[redis]", "rq", "taskiq", "taskiq-redis")
JOBS = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
#: Longest time that a worker may take for all jobs, in seconds.
LONGEST_S = 600.0


@dataclass(frozen=True)
class Peer:
    """One of the others.

    Attributes:
        name: As it calls itself.
        enqueue: The command that creates jobs; their number and the text follow.
        work: The command of its worker.
        left: How many jobs are not done yet.
    """

    name: str
    enqueue: tuple[str, ...]
    work: tuple[str, ...]
    left: Callable[[redis.Redis], int]


def _python(module: str, *work: str, left: Callable[[redis.Redis], int]) -> Peer:
    # Not as a program: tasks would be named after `__main__`.
    program = (
        f"import sys; from benchmarks.peers.{module}_peer import enqueue; "
        "enqueue(int(sys.argv[1]), sys.argv[2])"
    )
    python = str(PYTHON)
    return Peer(module, (python, "-c", program), (python, "-m", *work), left)


def _llen(*keys: str) -> Callable[[redis.Redis], int]:
    return lambda client: sum(int(client.llen(key)) for key in keys)  # type: ignore[arg-type]  # not awaited


def _pending(client: redis.Redis) -> int:
    [group] = client.xinfo_groups("bench")  # type: ignore[misc]  # not awaited
    return int(group["lag"] or 0) + int(group["pending"])


PEERS = (
    _python(
        "huey",
        "huey.bin.huey_consumer",
        "benchmarks.peers.huey_peer.huey",
        "-w8",
        "-n",
        "-q",
        left=_llen("huey.redis.bench"),
    ),
    _python(
        "celery",
        "celery",
        "-A",
        "benchmarks.peers.celery_peer",
        "worker",
        "--pool=threads",
        "-c8",
        "-lERROR",
        "--without-gossip",
        "--without-mingle",
        left=lambda client: int(client.llen("celery")) + int(client.hlen("unacked")),  # type: ignore[arg-type]  # not awaited
    ),
    _python(
        "rq",
        "rq.cli",
        "worker",
        "-q",
        "-u",
        "{url}",
        "-w",
        "rq.worker.SimpleWorker",
        "bench",
        left=_llen("rq:queue:bench"),
    ),
    _python(
        "taskiq",
        "taskiq",
        "worker",
        "--workers=1",
        "--max-async-tasks=8",
        "--log-level=ERROR",
        "benchmarks.peers.taskiq_peer:broker",
        left=_pending,
    ),
)
BULLMQ = Peer(
    "BullMQ",
    ("node", str(ROOT / "benchmarks/peers/bullmq_peer.mjs"), "enqueue"),
    ("node", str(ROOT / "benchmarks/peers/bullmq_peer.mjs"), "work"),
    _llen("bull:bench:wait", "bull:bench:active"),
)


def main() -> None:
    """Print the table."""
    peers = [*PEERS, *([BULLMQ] if _has_bullmq() else [])]
    _install()
    found: dict[str, list[dict[str, float]]] = {}
    for turn in range(ROUNDS):
        for name in ("nightshift", "dramatiq"):
            print(f"round {turn + 1} of {ROUNDS}: {name}", flush=True)
            found.setdefault(name, []).append(_own(name))
        for peer in peers:
            print(f"round {turn + 1} of {ROUNDS}: {peer.name}", flush=True)
            found.setdefault(peer.name, []).append(_run(peer))
    print("\n| | created, jobs/s | worked off, jobs/s | bytes per waiting job |")
    print("|---|---|---|---|")
    for name, runs in found.items():
        middle = [
            statistics.median(run[key] for run in runs)
            for key in ("enqueued_per_s", "drained_per_s", "bytes_per_job")
        ]
        print(f"| {name} | " + " | ".join(f"{value:,.0f}" for value in middle) + " |")


def _install() -> None:
    if not PYTHON.exists():
        print(f"Installing {', '.join(PACKAGES)} into var/bench-peers", flush=True)
        subprocess.run([sys.executable, "-m", "venv", PYTHON.parents[1]], check=True)
        command = [PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(command, check=True)


def _has_bullmq() -> bool:
    if shutil.which("npm") is None or shutil.which("node") is None:
        print("SKIPPED: BullMQ, because there is no npm", flush=True)
        return False
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (FOLDER / "node_modules" / "bullmq").exists():
        print("Installing bullmq into var/bench-peers", flush=True)
        (FOLDER / "package.json").write_text('{"private": true}', encoding="utf-8")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
        command += ["bullmq", "ioredis"]
        if subprocess.run(command, cwd=FOLDER, check=False).returncode:
            print("SKIPPED: BullMQ, because npm could not install it", flush=True)
            return False
    return True


def _own(name: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.contestant", name, str(JOBS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _run(peer: Peer) -> dict[str, float]:
    port = str(Ports().take())
    with (
        tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder,
        RedisServer(
            Path(folder) / "redis", options={"port": port, "bind": "127.0.0.1"}
        ) as server,
        connect(server.url) as client,
    ):
        url = f"redis://127.0.0.1:{port}/0"
        environment = {**os.environ, "BENCH_REDIS": url, "PYTHONPATH": str(ROOT)}

        def create(jobs: int) -> float:
            began = time.perf_counter()
            command = [*peer.enqueue, str(jobs), TEXT]
            subprocess.run(command, check=True, cwd=FOLDER, env=environment)
            return time.perf_counter() - began

        # The time of the program's start is taken off.
        start_s = create(1)
        memory = _memory(client)
        create_s = create(JOBS) - start_s
        per_job = (_memory(client) - memory) / JOBS
        work = [word.format(url=url) for word in peer.work]
        with subprocess.Popen(
            work,
            cwd=FOLDER,
            env=environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        ) as worker:
            try:
                drain_s = _drain_s(peer, client)
            finally:
                # Some have processes of their own.
                os.killpg(worker.pid, signal.SIGKILL)
    return {
        "enqueued_per_s": JOBS / create_s,
        "drained_per_s": JOBS / drain_s,
        "bytes_per_job": per_job,
    }


def _drain_s(peer: Peer, client: redis.Redis) -> float:
    """Return the seconds from the first job's end to the last one's."""
    deadline = time.monotonic() + LONGEST_S
    began = None
    while (left := peer.left(client)) > 0:
        if began is None and left < JOBS:
            began = time.perf_counter()
        if time.monotonic() > deadline:
            message = f"{peer.name} still has {left} jobs after {LONGEST_S:g} s."
            raise TimeoutError(message)
        time.sleep(0.005)
    return time.perf_counter() - (began or time.perf_counter())


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


if __name__ == "__main__":
    main()
