"""A job that keeps the interpreter to itself for longer than a lease."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.support.rough_worker import QUEUE, RoughWorker, add
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.jobs import Jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LEASE_S = 10


def test_a_job_in_native_code_keeps_its_lease_and_runs_once(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    with (
        RoughWorker(redis_url, namespace, tmp_path) as first,
        RoughWorker(redis_url, namespace, tmp_path),
    ):
        job = add(jobs, "hold-the-lock", 2.5 * LEASE_S, timeout=180_000)
        beside = add(jobs, "nap", 1.0)

        ended = jobs.wait_for_end(job, within_s=200)
        neighbour = jobs.wait_for_end(beside, within_s=60)
        log = first.log

    assert ended.state == "completed", ended.failed_reason
    assert msgspec.json.decode(ended.returnvalue)["seconds"] > LEASE_S
    assert (ended.attempts_started, ended.stalled_counter) == (1, 0)
    assert (neighbour.state, neighbour.stalled_counter) == ("completed", 0)
    assert "lease_lost" not in log


def test_a_stopped_worker_loses_its_job_and_its_late_word_is_refused(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    with RoughWorker(redis_url, namespace, tmp_path) as first:
        job = add(jobs, "nap", 8.0)
        jobs.wait(job, state="active")
        os.kill(first.worker_pid, signal.SIGSTOP)
        with RoughWorker(redis_url, namespace, tmp_path) as second:
            taken = jobs.wait_until(
                job, lambda found: found.attempts_started == 2, within_s=60
            )
            # Its thread slept on: it hands in its outcome at once.
            os.kill(first.worker_pid, signal.SIGCONT)
            wait_for(
                lambda: "lease_lost" in first.log or "outcome_refused" in first.log,
                within_s=60,
                what="the first worker is refused",
            )
            assert jobs.find(QUEUE, job.id).state == "active"
            ended = jobs.wait_for_end(job, within_s=60)
            assert f"-{second.worker_pid}-" in (ended.processed_by or "")

    assert ended.state == "completed"
    assert ended.processed_by == taken.processed_by
    assert (ended.attempts_made, ended.stalled_counter) == (1, 1)
    ends = [
        event
        for _, event in jobs.producer._client.xrange(f"{namespace}:{{{QUEUE}}}:events")
        if event[b"event"] == b"completed" and job.id.encode() in event[b"jobId"]
    ]
    assert len(ends) == 1
