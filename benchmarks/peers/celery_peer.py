"""Celery: Redis as broker, no results, one process with 8 threads, late acks."""

import os

from celery import Celery

app = Celery("benchmarks.peers.celery_peer", broker=os.environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, task_acks_late=True)


@app.task(name="noop")
def noop(text: str) -> None:
    """Do nothing."""


def enqueue(jobs: int, text: str) -> None:
    """Create jobs."""
    for _ in range(jobs):
        noop.delay(text)
