from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.jobs import Jobs


def test_a_short_job_finishes_when_the_worker_is_told_to_end(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    job = jobs.add("echo", {"msg": "short", "steps": 10, "stepMs": 100})
    with WorkerProcess(redis_url, namespace, tmp_path) as worker:
        jobs.wait(job, state="active")
        worker.terminate()

        assert worker.wait(timeout_s=15) == 0

    ended = jobs.find("demo", job.id)
    assert ended.state == "completed"
    assert ended.attempts_started == 1


def test_a_long_job_is_handed_back_without_using_an_attempt(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    job = jobs.add("echo", {"msg": "long", "steps": 100, "stepMs": 1000})
    with WorkerProcess(
        redis_url, namespace, tmp_path, NIGHTSHIFT_GRACE_S="1"
    ) as worker:
        jobs.wait(job, state="active")
        worker.terminate()

        assert worker.wait(timeout_s=15) == 0

    handed_back = jobs.find("demo", job.id)
    assert handed_back.state == "waiting"
    assert handed_back.attempts_made == 0
    assert handed_back.stalled_counter == 0
    assert [attempt.outcome for attempt in handed_back.attempts] == ["released"]


def test_jobs_that_wait_in_the_worker_go_back_at_once(
    redis_url: str, namespace: str, tmp_path: Path, jobs: Jobs
) -> None:
    several = [
        jobs.add("echo", {"msg": str(number), "steps": 30, "stepMs": 100})
        for number in range(8)
    ]
    with WorkerProcess(redis_url, namespace, tmp_path) as worker:
        jobs.wait(several[0], state="active")
        began = time.monotonic()
        worker.terminate()

        assert worker.wait(timeout_s=15) == 0
        assert time.monotonic() - began < 12

    ends = [jobs.find("demo", job.id) for job in several]
    assert {job.state.value for job in ends} <= {"completed", "waiting"}
    assert sum(job.state == "completed" for job in ends) >= 4
    assert all(job.attempts_started == job.attempts_made for job in ends)
    assert all(not job.attempts for job in ends)
