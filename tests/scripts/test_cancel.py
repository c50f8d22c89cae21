"""cancel: waiting | delayed -> cancelled; stop: active -> cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder, StopOrder
from shared.broker.scripts import DONE, LOST, REPEATED, Claimed, Scripts
from shared.contracts.retention import Retention
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    another_try,
    completion,
    failure,
    opening,
)
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from tests.support.queue_probe import QueueProbe

PENDING, WRONG_STATE, MISSING = 2, -1, -2


def stop(job: Claimed) -> StopOrder:
    return StopOrder(job.job_id, job.token, opening("cancelled"))


def lose_worker(queue: QueueProbe, job_id: str) -> None:
    queue.client.zadd(queue.keys.one("active"), {job_id: 1})
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=9,
            keep=KEEP_ALL,
        )


@pytest.mark.parametrize("delay_ms", [0, 60_000])
@pytest.mark.parametrize("group", ["", "tenant"])
def test_a_job_that_has_not_begun_ends_at_once(
    delay_ms: int, group: str, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=delay_ms, group=group, expires_in_ms=60_000)

    assert scripts.cancel(["a"], keep=KEEP_ALL) == [DONE]

    assert queue.state("a") == "cancelled"
    before = "delayed" if delay_ms else "waiting"
    assert queue.last_event() == {"event": "cancelled", "jobId": "a", "prev": before}
    assert queue.score("expiring", "a") is None
    assert queue.claim() == []
    assert int(queue.run("a")["finishedOn"]) == queue.score("cancelled", "a")


def test_an_active_job_is_marked_and_its_worker_told_once(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    for _ in range(2):
        assert scripts.cancel(["a"], keep=KEEP_ALL) == [PENDING]
    assert queue.state("a") == "active"
    assert client.smembers(queue.keys.one("cancelling")) == {b"a"}
    told = [event for event in queue.events() if event["event"] == "cancelling"]
    assert told == [{"event": "cancelling", "jobId": "a"}]

    assert scripts.stop([stop(job)]) == [DONE]

    assert queue.state("a") == "cancelled"
    assert client.smembers(queue.keys.one("cancelling")) == set()
    assert queue.attempts("a")[0]["outcome"] == "cancelled"


def test_jobs_in_other_states_and_ids_of_none_are_told_apart(
    scripts: Scripts, queue: QueueProbe
) -> None:
    done, failed = queue.active("done", "failed")
    scripts.complete([completion(done)])
    scripts.fail([failure(failed)])
    queue.active("runs")
    queue.put("waits")
    ids = ["waits", "runs", "done", "failed", "none", "waits"]
    answers = [DONE, PENDING, WRONG_STATE, WRONG_STATE, MISSING, DONE]
    assert scripts.cancel(ids, keep=KEEP_ALL) == answers


def test_a_lost_reply_has_no_second_effect(unlucky: Scripts, queue: QueueProbe) -> None:
    queue.put("a")
    assert unlucky.cancel(["a"], keep=KEEP_ALL) == [DONE]
    assert [event["event"] for event in queue.events()] == ["waiting", "cancelled"]


@pytest.mark.parametrize("how", ["retry", "retry later", "release", "release later"])
def test_a_cancelled_job_does_not_run_again_whatever_its_worker_says(
    how: str, scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.cancel(["a"], keep=KEEP_ALL)
    delay_ms = 60_000 if "later" in how else 0
    if how.startswith("retry"):
        answer = scripts.retry([another_try(job, delay_ms=delay_ms)])
    else:
        answer = scripts.release([ReleaseOrder("a", job.token, delay_ms)])
    assert answer == [DONE]
    assert queue.state("a") == "cancelled"
    assert queue.last_event() == {
        "event": "cancelled",
        "jobId": "a",
        "prev": "active",
    }


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_a_job_that_ends_before_its_worker_hears_of_it_ends_as_it_did(
    end: str, scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.cancel(["a"], keep=KEEP_ALL)
    if end == "complete":
        assert scripts.complete([completion(job)]) == [DONE]
    else:
        assert scripts.fail([failure(job)]) == [DONE]
    assert queue.state("a") == ("completed" if end == "complete" else "failed")
    assert queue.client.scard(queue.keys.one("cancelling")) == 0


def test_a_lost_workers_job_that_was_to_be_cancelled_is(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [late] = queue.active("a")
    scripts.cancel(["a"], keep=KEEP_ALL)

    lose_worker(queue, "a")

    assert queue.state("a") == "cancelled"
    assert queue.attempts("a")[0]["outcome"] == "stalled"
    assert scripts.complete([completion(late)]) == [LOST]
    assert scripts.stop([stop(late)]) == [LOST]


@pytest.mark.parametrize("is_active", [False, True])
def test_a_cancelled_job_is_kept_as_long_as_was_said(
    scripts: Scripts, queue: QueueProbe, *, is_active: bool
) -> None:
    queue.put("a", "b", "c")
    held = queue.claim(3) if is_active else []
    scripts.cancel(["a", "b"], keep=Retention(count=1))
    scripts.cancel(["c"], keep=KEEP_NONE)
    scripts.stop([stop(job) for job in held])
    assert len(queue.line("cancelled")) == 1
    assert queue.state("c") is None


def test_stop_is_fenced_and_knows_a_message_sent_again(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    assert scripts.stop([stop(job)._replace(token="99")]) == [LOST]
    assert scripts.stop([stop(job)]) == [DONE]
    before = snapshot(client, queue.keys.prefix)
    assert scripts.stop([stop(job)]) == [REPEATED]
    assert scripts.complete([completion(job)]) == [LOST]
    assert snapshot(client, queue.keys.prefix) == before
