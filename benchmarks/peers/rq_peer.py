"""RQ: its worker runs one job at a time; SimpleWorker spares it a fork per job."""

import os

from redis import Redis
from rq import Queue


def noop(text: str) -> None:
    """Do nothing."""


def enqueue(jobs: int, text: str) -> None:
    """Create jobs."""
    queue = Queue("bench", connection=Redis.from_url(os.environ["BENCH_REDIS"]))
    for _ in range(jobs):
        queue.enqueue("benchmarks.peers.rq_peer.noop", text)
