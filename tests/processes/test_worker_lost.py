from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.jobs import Jobs


def test_a_killed_workers_job_runs_again_within_15_seconds(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    job = jobs.add("echo", {"msg": "again", "steps": 20, "stepMs": 100})
    with WorkerProcess(redis_url, namespace, tmp_path) as lost:
        jobs.wait(job, state="active")
        lost.kill()
        killed_at = time.monotonic()

    with WorkerProcess(redis_url, namespace, tmp_path):
        jobs.wait_until(job, lambda found: found.attempts_started == 2)

        assert time.monotonic() - killed_at < 15
        ended = jobs.wait_for_end(job)

    assert ended.state == "completed"
    assert ended.stalled_counter == 1
    assert ended.attempts_made == 1
    assert [attempt.outcome for attempt in ended.attempts] == ["stalled"]


def test_a_surviving_worker_takes_over_from_a_killed_one(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    with (
        WorkerProcess(redis_url, namespace, tmp_path) as first,
        WorkerProcess(redis_url, namespace, tmp_path) as second,
    ):
        job = jobs.add("echo", {"msg": "over", "steps": 20, "stepMs": 100})
        active = jobs.wait(job, state="active")
        lost = first if f"-{first.worker_pid}-" in active.processed_by else second

        lost.kill()
        ended = jobs.wait_for_end(job, within_s=20)

    assert ended.state == "completed"
    assert ended.stalled_counter == 1
    assert ended.processed_by != active.processed_by
