"""What the broker promises about order and time, with a real worker."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from shared.broker.inspector import Inspector
from shared.broker.producer import Producer, Request
from shared.jobs.options import JobOptions
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.worker.context import JobContext

THREADS = 4


def test_a_short_job_of_another_group_is_next_when_a_thread_frees(
    redis_url: str, namespace: str, tmp_path: Path, client: redis.Redis
) -> None:
    began: list[str] = []
    one_may_end = threading.Semaphore(0)

    def run(data: Anything, context: JobContext) -> Answer:
        began.append(data.text)
        if data.text == "long":
            one_may_end.acquire(timeout=60)
        return Answer()

    task = contract("task")
    producer = Producer(client, namespace=namespace)

    def add(text: str, group: str) -> Request:
        data = Anything(text=text).dump()
        return Request("test", "task", data, JobOptions(group=group), task.defaults)

    producer.enqueue_many([add("long", "tenant-1") for _ in range(100)])
    with (
        built_broker(redis_url, namespace, tmp_path, {task: run}) as broker,
        running_worker(broker, threads=THREADS),
    ):
        wait_for(lambda: len(began) == THREADS, what="all threads are busy")
        producer.enqueue(add("short", "tenant-2"))
        one_may_end.release()
        wait_for(lambda: "short" in began, what="the short job's start")
        for _ in range(100):
            one_may_end.release()

    assert began[THREADS] == "short", began[: THREADS + 3]


@pytest.mark.slow
def test_one_due_soon_is_on_time_among_ten_thousand_far_ones(
    redis_url: str, namespace: str, tmp_path: Path, client: redis.Redis
) -> None:
    started = threading.Event()

    def run(data: Anything, context: JobContext) -> Answer:
        started.set()
        return Answer()

    task = contract("task")
    producer = Producer(client, namespace=namespace)
    inspector = Inspector(client, namespace=namespace, catalogue={})

    def add(delay_ms: int) -> Request:
        options = JobOptions(delay=delay_ms)
        return Request("test", "task", Anything().dump(), options, task.defaults)

    producer.enqueue_many([add(30 * 86_400_000) for _ in range(10_000)])
    lateness = []
    with (
        built_broker(redis_url, namespace, tmp_path, {task: run}) as broker,
        running_worker(broker, threads=THREADS),
    ):
        for _ in range(5):
            started.clear()
            soon = producer.enqueue(add(1_000))
            assert started.wait(10)
            job = inspector.job("test", soon.job_id)
            assert job is not None
            lateness.append((job.processed_on or 0) - soon.timestamp - 1_000)

    print(f"late by {lateness} ms")  # noqa: T201 - the figure is the point
    assert sorted(lateness)[len(lateness) // 2] <= 50, lateness
