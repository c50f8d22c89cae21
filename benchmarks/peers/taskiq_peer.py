"""taskiq: Redis streams, which acknowledge; one process, 8 tasks at a time."""

import asyncio
import os

from taskiq_redis import RedisStreamBroker

broker = RedisStreamBroker(os.environ["BENCH_REDIS"], queue_name="bench")


@broker.task(task_name="noop")
async def noop(text: str) -> None:
    """Do nothing."""


async def _enqueue(jobs: int, text: str) -> None:
    await broker.startup()
    for _ in range(jobs):
        await noop.kiq(text)
    await broker.shutdown()


def enqueue(jobs: int, text: str) -> None:
    """Create jobs."""
    asyncio.run(_enqueue(jobs, text))
