"""huey: Redis, one process with 8 threads."""

import os

from huey import RedisHuey

huey = RedisHuey("bench", url=os.environ["BENCH_REDIS"])


@huey.task()
def noop(text: str) -> None:
    """Do nothing."""


def enqueue(jobs: int, text: str) -> None:
    """Create jobs."""
    for _ in range(jobs):
        noop(text)
