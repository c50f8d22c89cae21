"""rerun: completed | failed | cancelled -> waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder
from shared.broker.scripts import DONE, LOST, Scripts
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import (
    KEEP_ALL,
    another_try,
    completion,
    failure,
)

if TYPE_CHECKING:
    import redis

    from tests.support.queue_probe import QueueProbe

WRONG_STATE, MISSING = -1, -2


def fail_after_two_attempts(queue: QueueProbe, job_id: str = "a") -> None:
    [first] = queue.active(job_id)
    queue.scripts.retry([another_try(first)])
    [second] = queue.claim()
    queue.scripts.fail([failure(second)])


def test_the_counters_begin_anew_and_the_history_stays(
    scripts: Scripts, queue: QueueProbe
) -> None:
    fail_after_two_attempts(queue)
    history = queue.attempts("a")

    assert scripts.rerun(["a"]) == [DONE]

    assert queue.state("a") == "waiting"
    assert queue.last_event() == {"event": "waiting", "jobId": "a", "prev": "failed"}
    for field in ("finishedOn", "failedReason", "failureKind", "stacktrace"):
        assert field not in queue.run("a")
    assert queue.attempts("a") == history
    [job] = queue.claim()
    assert (job.attempts_made, job.attempts_started, job.stalled_counter) == (0, 1, 0)


def test_a_lost_reply_does_not_run_it_twice(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    fail_after_two_attempts(queue)

    def run_at_once() -> None:
        scripts.complete([completion(job) for job in queue.claim()])

    lossy = LossyClient(client, before_next=run_at_once)
    assert Scripts(lossy, queue.keys).rerun(["a"]) == [DONE]

    assert lossy.sent == 2
    assert queue.state("a") == "completed"
    assert scripts.rerun(["a"]) == [DONE]
    assert queue.state("a") == "waiting"


def test_only_jobs_that_have_ended_run_again(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.active("runs")
    queue.put("waits")
    queue.put("later", delay_ms=60_000)
    answers = scripts.rerun(["runs", "waits", "later", "none"])
    assert answers == [WRONG_STATE, WRONG_STATE, WRONG_STATE, MISSING]


def test_it_keeps_its_priority_and_its_group(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", priority=2, group="tenant")
    scripts.cancel(["a"], keep=KEEP_ALL)
    queue.put("b", priority=3, group="tenant")
    scripts.rerun(["a"])
    assert queue.line("group:tenant") == ["a", "b"]


def test_an_old_wish_to_cancel_it_is_forgotten(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.cancel(["a"], keep=KEEP_ALL)
    scripts.complete([completion(job)])
    scripts.rerun(["a"])
    [again] = queue.claim()
    scripts.release([ReleaseOrder("a", again.token)])
    assert queue.state("a") == "waiting"


def test_the_lease_of_its_first_life_is_worth_nothing(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [late] = queue.active("a")
    queue.scripts.fail([failure(late)])
    scripts.rerun(["a"])
    queue.claim(worker="worker-2")
    assert scripts.complete([completion(late)]) == [LOST]
    assert scripts.retry([another_try(late)]) == [LOST]
    assert queue.state("a") == "active"


@pytest.mark.parametrize("dedup", ["", "d"])
def test_its_end_does_not_free_what_another_job_holds(
    dedup: str, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("old", deduplication=dedup)
    scripts.complete([completion(job) for job in queue.claim()])
    queue.put("new", deduplication=dedup, deduplication_mode="keep")
    [new] = queue.claim()
    queue.put("next", deduplication=dedup, deduplication_mode="keep")
    scripts.rerun(["old"])
    old = next(job for job in queue.claim(2) if job.job_id == "old")

    scripts.complete([completion(old)])

    if dedup:
        assert queue.state("next") is None
        scripts.complete([completion(new)])
        assert queue.state("next") == "waiting"
