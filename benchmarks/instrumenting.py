"""`python -m benchmarks.instrumenting`: what counting and timing jobs costs.

The same worker drains the same jobs in turn with its metrics and with metrics that do
nothing. CPU time per job is the steadier of the two figures on a busy machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import structlog
from prometheus_client import Counter, Gauge, Histogram

from benchmarks.nightshift_contestant import NightshiftContestant
from cli.redis_server import RedisServer

ROUNDS = 7
JOBS = 20_000
#: What DESIGN allows the metrics to take of the drain rate.
LIMIT = 0.05
KINDS = ("with", "without")


def main() -> None:
    """Print the figures of both, and what the metrics take."""
    if len(sys.argv) > 1:
        print(json.dumps(_run(sys.argv[1])))
        return
    runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for turn in range(ROUNDS):
        # The first of a pair must not always be the same one: machines get slower.
        for kind in KINDS if turn % 2 else reversed(KINDS):
            print(f"round {turn + 1} of {ROUNDS}: {kind} metrics", flush=True)
            runs[kind].append(_in_a_process(kind))
    drained = {k: statistics.median(r["drained_per_s"] for r in runs[k]) for k in KINDS}
    cpu = {k: statistics.median(r["cpu_us_per_job"] for r in runs[k]) for k in KINDS}
    print("\n| | with metrics | without | metrics take |\n|---|---|---|---|")
    share = 1 - drained["with"] / drained["without"]
    print(
        f"| drained, jobs/s | {drained['with']:,.0f} | {drained['without']:,.0f}"
        f" | {share:.1%} of {LIMIT:.0%} allowed |"
    )
    share = 1 - cpu["without"] / cpu["with"]
    print(
        f"| CPU per job, µs | {cpu['with']:.1f} | {cpu['without']:.1f} | {share:.1%} |"
    )


def _in_a_process(kind: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.instrumenting", kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _run(kind: str) -> dict[str, float]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if kind == "without":
        _silence()
    with (
        tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder,
        RedisServer(Path(folder) / "redis") as server,
    ):
        contestant = NightshiftContestant(server.url, Path(folder))
        contestant.enqueue_many(JOBS)
        began, cpu_began = time.perf_counter(), time.process_time()
        contestant.start_worker()
        contestant.wait_until_done(JOBS)
        drain_s = time.perf_counter() - began
        cpu_s = time.process_time() - cpu_began
        contestant.stop()
    return {"drained_per_s": JOBS / drain_s, "cpu_us_per_job": cpu_s / JOBS * 1e6}


def _silence() -> None:
    """Let every metric of this process forget what it is told."""

    def forget(*_arguments: object, **_options: object) -> None:
        pass

    for kind, names in (
        (Counter, ("inc",)),
        (Gauge, ("inc", "dec", "set")),
        (Histogram, ("observe",)),
    ):
        for name in names:
            setattr(kind, name, forget)


if __name__ == "__main__":
    main()
