"""`make bench-backlog`: what a long backlog costs: script times, drain rate, memory.

Fills one server with waiting and as many delayed jobs, then claims, completes and
enqueues beside them. Times are the server's own, from its slow log.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.redis_server import RedisServer
from shared import ids
from shared.broker import script_loader
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.orders import Completion
from shared.broker.producer import Producer, Request
from shared.broker.scripts import Scripts
from shared.contracts.retention import Retention
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    import redis

JOBS = 1_000_000
#: Jobs of one call while the queue is filled.
_CHUNK = 2_500
#: Calls that are measured, per script.
CALLS = 2_000
#: Jobs of one claim and one commit while the drain is measured.
BATCH = 100
MAX_P99_MS = 5.0
DATA = b'{"text":"' + b"x" * 180 + b'","n":12345}'
_NS = "bench"
_SCRIPTS = ("enqueue", "claim", "complete")


def main() -> None:
    """Print the table; the status is 1 when a promise is broken."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    with (
        tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder,
        RedisServer(Path(folder) / "redis") as server,
        connect(server.url, timeout_s=30.0) as client,
    ):
        few = _measure(client, jobs=20_000, queue="few")
        many = _measure(client, jobs=jobs, queue="many", with_delayed=True)
    print(f"\n| | 20,000 waiting | {jobs:,} waiting and {jobs:,} delayed |")
    print("|---|---|---|")
    for name in few:
        print(f"| {name} | {few[name]:,.2f} | {many[name]:,.2f} |")
    ratio = many["drained, jobs/s"] / few["drained, jobs/s"]
    print(f"| drained, beside few jobs | 1.00 | {ratio:.2f} |")
    late = [n for n in many if n.endswith("p99 ms") and many[n] > MAX_P99_MS]
    sys.exit(1 if late else 0)


def _measure(
    client: redis.Redis, *, jobs: int, queue: str, with_delayed: bool = False
) -> dict[str, float]:
    producer = Producer(client, namespace=_NS)
    scripts = Scripts(client, QueueKeys(_NS, queue))
    before = _memory(client)
    _fill(producer, queue, jobs, JobOptions())
    per_job = (_memory(client) - before) / jobs
    if with_delayed:
        _fill(producer, queue, jobs, JobOptions(delay=30 * 86_400_000))
    times = _script_times(client, producer, scripts, queue)
    began, drained = time.perf_counter(), 0
    while time.perf_counter() - began < 10 and drained < jobs // 2:
        drained += _work_off(scripts, BATCH)
    rate = drained / (time.perf_counter() - began)
    return {
        **times,
        "drained, jobs/s": rate,
        "memory per waiting job, bytes": per_job,
    }


def _fill(producer: Producer, queue: str, jobs: int, options: JobOptions) -> None:
    request = Request(queue, "send-email", DATA, options)
    began = time.perf_counter()
    for start in range(0, jobs, _CHUNK):
        producer.enqueue_many([request] * min(_CHUNK, jobs - start))
    rate = jobs / (time.perf_counter() - began)
    print(f"{queue}: {jobs:,} jobs created, {rate:,.0f} per s", flush=True)


def _script_times(
    client: redis.Redis, producer: Producer, scripts: Scripts, queue: str
) -> dict[str, float]:
    request = Request(queue, "send-email", DATA, JobOptions())
    client.config_set("slowlog-max-len", 4 * CALLS)
    client.config_set("slowlog-log-slower-than", 0)
    client.slowlog_reset()
    for _ in range(CALLS):
        producer.enqueue(request)
        _work_off(scripts, 1)
    client.config_set("slowlog-log-slower-than", -1)
    entries: list[dict[str, Any]] = client.slowlog_get(4 * CALLS)
    found = {}
    for name in _SCRIPTS:
        sha = script_loader.load(name).sha.encode()
        taken = [e["duration"] / 1000 for e in entries if sha in e["command"]]
        cuts = statistics.quantiles(taken, n=100)
        found[f"{name} p50 ms"], found[f"{name} p99 ms"] = cuts[49], cuts[98]
    return found


def _work_off(scripts: Scripts, count: int) -> int:
    claim = scripts.claim(
        worker="bench", operation=ids.new_id(), count=count, lease_ms=60_000
    )
    keep = Retention(age=3600, count=1000)
    orders = [Completion(job.job_id, job.token, b"null", keep) for job in claim.jobs]
    return sum(scripts.complete(orders)) if orders else 0


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


if __name__ == "__main__":
    main()
