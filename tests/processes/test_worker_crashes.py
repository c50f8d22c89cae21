"""Jobs that kill their worker: they end as poison, and nobody else does."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.rough_worker import QUEUE, RoughWorker, add
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.jobs.job import Job
    from tests.support.jobs import Jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@contextmanager
def crew(redis_url: str, namespace: str, folder: Path) -> Iterator[list[int]]:
    """Run two workers and, as an orchestrator does, start those anew that end.

    Gives a list that holds a number for each start.
    """
    is_over = threading.Event()
    starts: list[int] = []

    def keep_one_running(number: int) -> None:
        while not is_over.is_set():
            starts.append(number)
            with RoughWorker(
                redis_url, namespace, folder, NIGHTSHIFT_WORKER_THREADS="4"
            ) as worker:
                while not (worker.has_ended or is_over.is_set()):
                    is_over.wait(0.1)

    threads = [threading.Thread(target=keep_one_running, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield starts
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("crash", ["abort", "leave", "eat-memory"])
def test_a_job_that_kills_its_worker_ends_as_poison_and_takes_nobody_along(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs, crash: str
) -> None:
    # The neighbours run long enough to be in the process whenever it crashes.
    culprit = add(jobs, crash, 1.0)
    neighbours = [add(jobs, "nap", 4.0) for _ in range(3)]
    flowing: list[Job] = []

    with crew(redis_url, namespace, tmp_path) as starts:

        def has_ended() -> bool:
            flowing.append(add(jobs, "nap", 0.05))
            time.sleep(0.2)
            return jobs.find(QUEUE, culprit.id).state.is_final

        wait_for(has_ended, within_s=240, what="the culprit's end")
        beside = sum(jobs.find(QUEUE, job.id).state == "completed" for job in flowing)
        others = [
            jobs.wait_for_end(job, within_s=120) for job in (*neighbours, *flowing)
        ]

    ended = jobs.find(QUEUE, culprit.id)
    assert (ended.state, ended.failure_kind) == ("failed", "poison")
    assert ended.stalled_counter == 3
    assert ended.attempts_started == 3
    assert len(starts) <= 2 + 3, "each crash cost one worker"
    assert {job.state.value for job in others} == {"completed"}
    assert beside > len(flowing) / 2, "work went on while it crashed"
