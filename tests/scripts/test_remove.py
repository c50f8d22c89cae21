"""remove: any state but active -> (none); promote_now: delayed -> waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.scripts import DONE, REPEATED, Scripts
from shared.jobs.states import JobState
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import (
    KEEP_ALL,
    STATES,
    another_try,
    completion,
    failure,
    new_job,
)
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from tests.support.queue_probe import QueueProbe

WRONG_STATE, MISSING = -1, -2


def bring(queue: QueueProbe, state: str, **changes: str) -> None:
    """Bring job `a` into a state, with a history and a log where it can have one."""
    queue.put("a", delay_ms=60_000 if state == "delayed" else 0, **changes)
    if state in ("waiting", "delayed"):
        return
    [job] = queue.claim()
    queue.scripts.retry([another_try(job)])
    [job] = queue.claim()
    queue.scripts.add_log("a", job.token, operation="l", lines=["x"])
    if state == "completed":
        queue.scripts.complete([completion(job)])
    if state == "failed":
        queue.scripts.fail([failure(job)])
    if state == "cancelled":
        queue.scripts.retry([another_try(job)])
        queue.scripts.cancel(["a"], keep=KEEP_ALL)


@pytest.mark.parametrize("group", ["", "tenant"])
@pytest.mark.parametrize("state", sorted(set(STATES) - {"active"}))
def test_leaves_nothing_of_a_job(
    state: str,
    group: str,
    scripts: Scripts,
    queue: QueueProbe,
    client: redis.Redis,
    keys: QueueKeys,
) -> None:
    bring(queue, state, group=group, deduplication="d")

    assert scripts.remove(["a", "none"]) == [DONE, MISSING]

    assert queue.last_event() == {"event": "removed", "jobId": "a", "prev": state}
    left = {key.removeprefix(keys.prefix) for key in snapshot(client, keys.prefix)}
    assert not {key for key in left if key.endswith(":a") or key.startswith("dedup")}
    assert sum(queue.counts().values()) == 0
    assert queue.claim() == []


def test_a_job_that_runs_stays(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    assert scripts.remove(["a"]) == [WRONG_STATE]
    assert scripts.complete([completion(job)]) == [DONE]


def test_a_lost_reply_answers_the_same(unlucky: Scripts, queue: QueueProbe) -> None:
    queue.put("a", "b")
    assert unlucky.remove(["a"]) == [DONE]
    assert [event["event"] for event in queue.events()][2:] == ["removed"]


@pytest.mark.parametrize("operation", ["", "op-1"])
@pytest.mark.parametrize("how", ["remove", "replace"])
def test_a_request_sent_again_does_not_bring_a_removed_job_back(
    operation: str, how: str, client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    debounced = {
        "delay_ms": 60_000,
        "deduplication": "d",
        "deduplication_mode": "replace",
    }

    def take_away() -> None:
        if how == "remove":
            scripts.remove(["a"])
        else:
            queue.put("b", **debounced)

    lossy = LossyClient(client, before_next=take_away)
    job = new_job("a", operation=operation, **debounced)
    [enqueued] = Scripts(lossy, queue.keys).enqueue([job])

    assert enqueued[:3] == ("a", True, JobState.COMPLETED)
    assert queue.state("a") is None


def test_a_late_message_of_a_removed_job_is_known(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.complete([completion(job)])
    scripts.remove(["a"])
    assert scripts.complete([completion(job)]) == [REPEATED]


def test_promotes_jobs_ahead_of_their_time(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", "b", delay_ms=60_000, group="tenant", priority=3)
    queue.put("waits")
    assert scripts.promote_now(["b", "waits", "none"]) == [DONE, WRONG_STATE, MISSING]
    assert queue.line("group:tenant") == ["b"]
    assert queue.line("delayed") == ["a"]
    assert queue.last_event() == {"event": "waiting", "jobId": "b", "prev": "delayed"}
    assert {job.job_id for job in queue.claim(9)} == {"b", "waits"}


def test_promotes_once_when_the_reply_is_lost(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=60_000)
    assert unlucky.promote_now(["a"]) == [DONE]
    assert [event["event"] for event in queue.events()] == ["delayed", "waiting"]
