"""fail: active -> failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.orders import FailureOrder
from shared.broker.scripts import DONE, LOST, REPEATED
from shared.contracts.retention import Retention
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    WORKER,
    another_try,
    failure,
    opening,
)

if TYPE_CHECKING:
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_ends_a_job_badly_and_keeps_the_reason(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")

    answers = scripts.fail(
        [
            FailureOrder(
                "a",
                job.token,
                "Boom: it broke.",
                "timeout",
                "line 1\nline 2",
                opening("failed"),
                KEEP_ALL,
            )
        ]
    )

    assert answers == [DONE]
    assert queue.line("failed") == ["a"]
    assert queue.line("active") == []
    run = queue.run("a")
    assert run["state"] == "failed"
    assert run["attemptsMade"] == "1"
    assert run["failedReason"] == "Boom: it broke."
    assert run["failureKind"] == "timeout"
    assert run["stacktrace"] == "line 1\nline 2"
    assert queue.score("failed", "a") == int(run["finishedOn"])
    assert queue.meta("failed") == 1
    assert queue.last_event() == {
        "event": "failed",
        "jobId": "a",
        "failedReason": "Boom: it broke.",
    }


def test_writes_the_attempt_into_the_history(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    scripts.fail([failure(queue.claim()[0])])

    outcomes = [attempt["outcome"] for attempt in queue.attempts("a")]
    assert outcomes == ["retried", "failed"]
    assert queue.attempts("a")[1] == {
        "worker": WORKER,
        "started": 1,
        "outcome": "failed",
        "finished": int(queue.run("a")["finishedOn"]),
    }
    assert queue.run("a")["attemptsMade"] == "2"


def test_every_job_of_a_batch_has_an_event_of_its_own_for_its_reason(
    scripts: Scripts, queue: QueueProbe
) -> None:
    orders = [failure(job) for job in queue.active("a", "b")]
    orders[1] = orders[1]._replace(reason="Another.")
    assert scripts.fail(orders) == [DONE, DONE]
    assert [(e["jobId"], e["failedReason"]) for e in queue.events()[-2:]] == [
        ("a", "It broke."),
        ("b", "Another."),
    ]


def test_answers_per_job_of_a_mixed_batch(scripts: Scripts, queue: QueueProbe) -> None:
    a, b = queue.active("a", "b")
    scripts.fail([failure(a)])
    late = b._replace(token="999")
    assert scripts.fail([failure(a), failure(late), failure(b)]) == [
        REPEATED,
        LOST,
        DONE,
    ]
    assert queue.meta("failed") == 2


def test_keeps_failed_jobs_up_to_a_count_apart_from_completed_ones(
    scripts: Scripts, queue: QueueProbe
) -> None:
    names = ["a", "b", "c"]
    jobs = queue.active(*names)
    scripts.fail([failure(job) for job in jobs[:2]])
    scripts.fail([failure(jobs[2], keep=Retention(count=1))])
    assert queue.counts()["failed"] == 1
    assert queue.meta("failed") == 3


def test_a_job_that_is_not_to_be_kept_leaves_no_history(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.fail([failure(job, keep=KEEP_NONE)])
    assert queue.state("a") is None
    assert queue.attempts("a") == []
    assert queue.last_event()["failedReason"] == "It broke."
