"""`make bench`: both contestants in turn, several rounds, medians and ratios."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from benchmarks import http

ROUNDS = 3
JOBS = {"nightshift": 20_000, "dramatiq": 8_000}
LABELS = {
    "enqueued_per_s": ("enqueued one at a time, jobs/s", True),
    "drained_per_s": ("drained by one process of 8 threads, jobs/s", True),
    "cpu_us_per_job": ("worker CPU per drained job, µs", False),
    "pickup_p50_ms": ("pick-up on an idle queue, p50 ms", False),
    "pickup_p99_ms": ("pick-up on an idle queue, p99 ms", False),
    "bytes_per_job": ("Redis memory per waiting job of 200 bytes, bytes", False),
}


def main() -> None:
    """Print the table."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in JOBS}
    for turn in range(ROUNDS):
        for name, jobs in JOBS.items():
            print(f"round {turn + 1} of {ROUNDS}: {name}, {jobs} jobs", flush=True)
            runs[name].append(_run(name, jobs))
    print()
    print(f"| median of {ROUNDS} rounds | Nightshift | stock Dramatiq | factor |")
    print("|---|---|---|---|")
    for key, (label, more_is_better) in LABELS.items():
        ours, stock = (statistics.median(r[key] for r in runs[n]) for n in JOBS)
        factor = ours / stock if more_is_better else stock / ours
        print(f"| {label} | {ours:,.1f} | {stock:,.1f} | {factor:.1f} |")
    print()
    http.main()


def _run(name: str, jobs: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.contestant", name, str(jobs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
