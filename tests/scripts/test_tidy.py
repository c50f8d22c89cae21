"""What time alone brings about: jobs that are too late fail, old ones go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.scripts import Scripts, Tidied
from tests.support.queue_probe import KEEP_ALL, another_try, completion, failure

if TYPE_CHECKING:
    from tests.support.queue_probe import QueueProbe


def tidy(
    queue: QueueProbe,
    *,
    limit: int = 100,
    completed_age_s: int | None = None,
    failed_age_s: int | None = None,
) -> Tidied:
    return queue.scripts.tidy(
        limit=limit, completed_age_s=completed_age_s, failed_age_s=failed_age_s
    )


def be_late(queue: QueueProbe, *job_ids: str) -> None:
    queue.client.zadd(queue.keys.one("expiring"), dict.fromkeys(job_ids, 1))


@pytest.mark.parametrize("by", ["claim", "tidy"])
@pytest.mark.parametrize("delay_ms", [0, 60_000])
@pytest.mark.parametrize("group", ["", "g"])
def test_a_job_that_did_not_start_in_time_fails(
    by: str, delay_ms: int, group: str, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=delay_ms, group=group, expires_in_ms=5_000)
    queue.put("b")
    be_late(queue, "a")

    if by == "claim":
        assert [job.job_id for job in queue.claim(9)] == ["b"]
    else:
        assert tidy(queue) == Tidied(1, 0)

    assert queue.state("a") == "failed"
    assert queue.run("a")["failureKind"] == "expired"
    assert queue.meta("failed") == 1
    told = [event for event in queue.events() if event["event"] == "failed"]
    assert told == [
        {
            "event": "failed",
            "jobId": "a",
            "failedReason": "It did not start in time.",
        }
    ]


def test_the_time_begins_when_the_job_is_due(queue: QueueProbe) -> None:
    queue.put("a", delay_ms=60_000, expires_in_ms=5_000)
    due = queue.score("delayed", "a")
    assert due is not None
    assert queue.score("expiring", "a") == due + 5_000


def test_a_job_that_has_started_does_not_expire(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", expires_in_ms=60_000)
    [job] = queue.claim()
    assert queue.score("expiring", "a") is None
    scripts.retry([another_try(job)])
    assert tidy(queue) == Tidied(0, 0)
    assert queue.state("a") == "waiting"


def test_jobs_expire_in_a_paused_queue_too(scripts: Scripts, queue: QueueProbe) -> None:
    scripts.configure({"paused": "1"})
    queue.put("a", expires_in_ms=60_000)
    be_late(queue, "a")
    assert tidy(queue) == Tidied(1, 0)


def test_a_batch_has_a_limit(queue: QueueProbe) -> None:
    late = [f"j{number}" for number in range(5)]
    queue.put(*late, expires_in_ms=60_000)
    be_late(queue, *late)
    assert [tidy(queue, limit=2).expired for _ in range(4)] == [2, 2, 1, 0]


def test_what_has_ended_goes_at_its_age_and_not_before(
    scripts: Scripts, queue: QueueProbe
) -> None:
    done, failed = queue.active("done", "failed")
    scripts.complete([completion(done)])
    scripts.fail([failure(failed)])
    queue.put("off", "recent")
    scripts.cancel(["off", "recent"], keep=KEEP_ALL)
    old = queue.now_ms() - 60_000
    for state, job_id in [("completed", "done"), ("failed", "failed")]:
        queue.client.zadd(queue.keys.one(state), {job_id: old})
    queue.client.zadd(queue.keys.one("cancelled"), {"off": old})

    assert tidy(queue) == Tidied(0, 0)
    assert tidy(queue, completed_age_s=120, failed_age_s=120) == Tidied(0, 0)
    assert tidy(queue, completed_age_s=59) == Tidied(0, 1)
    assert tidy(queue, failed_age_s=59) == Tidied(0, 2)
    assert queue.state("done") is None
    assert queue.line("cancelled") == ["recent"]


def test_a_lost_reply_has_no_second_effect(unlucky: Scripts, queue: QueueProbe) -> None:
    queue.put("a", expires_in_ms=60_000)
    be_late(queue, "a")
    unlucky.tidy(limit=9, completed_age_s=None, failed_age_s=None)
    assert queue.meta("failed") == 1
