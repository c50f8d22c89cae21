"""What time alone brings about: jobs that are too late fail, old ones go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder
from shared.broker.scripts import Scripts, Tidied
from shared.contracts.retention import Retention
from tests.support.queue_probe import another_try, completion, failure

if TYPE_CHECKING:
    from tests.support.queue_probe import QueueProbe


def tidy(queue: QueueProbe, *, limit: int = 100) -> Tidied:
    return queue.scripts.tidy(limit=limit)


def be_late(queue: QueueProbe, *job_ids: str) -> None:
    queue.client.zadd(queue.keys.one("expiring"), dict.fromkeys(job_ids, 1))


def be_old(queue: QueueProbe, *job_ids: str) -> None:
    queue.client.zadd(queue.keys.one("leaving"), dict.fromkeys(job_ids, 1))


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


@pytest.mark.parametrize("is_delayed", [False, True])
def test_a_job_that_was_handed_back_before_it_began_expires_still(
    scripts: Scripts, queue: QueueProbe, *, is_delayed: bool
) -> None:
    queue.put("a", expires_in_ms=60_000)
    deadline = queue.score("expiring", "a")
    [job] = queue.claim()
    scripts.release([ReleaseOrder("a", job.token, 60_000 if is_delayed else 0)])

    assert queue.score("expiring", "a") == deadline
    be_late(queue, "a")
    assert tidy(queue) == Tidied(1, 0)
    assert queue.state("a") == "failed"


def test_a_job_that_began_and_was_handed_back_expires_no_more(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", expires_in_ms=60_000)
    for attempt in (b'{"outcome":"released"', b""):
        [job] = queue.claim()
        scripts.release([ReleaseOrder("a", job.token, 0, attempt)])

        assert queue.score("expiring", "a") is None


def test_a_job_that_runs_again_does_not_expire_by_its_old_time(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", expires_in_ms=60_000)
    [job] = queue.claim()
    scripts.complete([completion(job)])
    scripts.rerun(["a"])
    [job] = queue.claim()
    scripts.release([ReleaseOrder("a", job.token)])

    assert queue.score("expiring", "a") is None


def test_each_job_goes_at_its_own_age(scripts: Scripts, queue: QueueProbe) -> None:
    done, failed, kept = queue.active("done", "failed", "kept")
    scripts.complete([completion(done, keep=Retention(age=60))])
    scripts.complete([completion(kept)])
    scripts.fail([failure(failed, keep=Retention(age=3600))])
    queue.put("off")
    scripts.cancel(["off"], keep=Retention(age=30))

    for job_id, state, age_ms in [
        ("done", "completed", 60_000),
        ("failed", "failed", 3_600_000),
        ("off", "cancelled", 30_000),
    ]:
        ended = queue.score(state, job_id)
        assert ended is not None
        assert queue.score("leaving", job_id) == ended + age_ms
    assert tidy(queue) == Tidied(0, 0)
    be_old(queue, "failed", "off")
    assert tidy(queue) == Tidied(0, 2)
    assert [queue.state(job_id) for job_id in ("off", "failed")] == [None, None]
    assert [queue.state(job_id) for job_id in ("done", "kept")] == ["completed"] * 2


def test_a_job_that_runs_again_is_not_removed_by_its_old_age(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.complete([completion(job, keep=Retention(age=60))])
    scripts.rerun(["a"])

    assert queue.score("leaving", "a") is None
    # Even a stale entry removes nothing but itself.
    be_old(queue, "a")
    assert tidy(queue) == Tidied(0, 0)
    assert queue.state("a") == "waiting"


def test_a_lost_reply_has_no_second_effect(unlucky: Scripts, queue: QueueProbe) -> None:
    queue.put("a", expires_in_ms=60_000)
    be_late(queue, "a")
    unlucky.tidy(limit=9)
    assert queue.meta("failed") == 1
