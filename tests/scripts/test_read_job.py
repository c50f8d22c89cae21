"""read_job: everything that is stored about one job, at one instant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.broker import record as records
from tests.support.queue_probe import another_try, completion, failure
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_there_is_nothing_to_tell_of_a_job_that_is_not_there(
    scripts: Scripts, queue: QueueProbe
) -> None:
    assert scripts.read_job("ghost") is None
    queue.put("a")
    assert scripts.read_job("") is None


def test_a_waiting_job_has_a_record_and_no_run(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a")
    record = queue.record("a")
    assert scripts.read_job("a") == [record, b"waiting", b"", [], []]


def test_a_delayed_job_tells_when_it_is_due(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=60_000)
    _, state, due, _, _ = scripts.read_job("a")
    assert state == b"delayed"
    assert int(due) == queue.score("delayed", "a")


@pytest.mark.parametrize("due_ms", [1_800_000_000_000, 2_000_000_000_000])
def test_a_round_due_time_reads_as_an_integer(
    due_ms: int, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=60_000)
    queue.client.zadd(queue.keys.one("delayed"), {"a": due_ms})
    assert int(scripts.read_job("a")[2]) == due_ms


def test_a_job_between_two_attempts_tells_of_both(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job, delay_ms=60_000)])

    _, state, due, flat, attempts = scripts.read_job("a")

    assert state == b"delayed"
    assert int(due) > 0
    run = records.fields(flat)
    assert run["state"] == b"delayed"
    assert run["attemptsMade"] == b"1"
    assert [json.loads(attempt)["outcome"] for attempt in attempts] == ["retried"]


def test_attempts_come_oldest_first(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    [job] = queue.claim()
    scripts.fail([failure(job)])
    attempts = scripts.read_job("a")[4]
    outcomes = [json.loads(attempt)["outcome"] for attempt in attempts]
    assert outcomes == ["retried", "failed"]


def test_follows_a_job_through_its_life(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", delay_ms=1)
    seen = [queue.state("a")]
    queue.wait_until_due("a")
    scripts.promote_due(limit=1)
    seen.append(queue.state("a"))
    [job] = queue.claim()
    seen.append(queue.state("a"))
    scripts.complete([completion(job)])
    seen.append(queue.state("a"))
    assert seen == ["delayed", "waiting", "active", "completed"]


@pytest.mark.usefixtures("damaged")
@pytest.mark.parametrize("key", ["job", "run", "attempts"])
def test_a_job_with_a_key_of_a_wrong_type_is_shown_as_far_as_it_goes(
    key: str, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job, delay_ms=60_000)])
    client.delete(queue.keys.of(key, "a"))
    client.sadd(queue.keys.of(key, "a"), "x")
    assert scripts.read_job("a")[1] == b"delayed"


def test_changes_nothing(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    queue.active("a")
    before = snapshot(client, keys.prefix)
    scripts.read_job("a")
    scripts.read_job("ghost")
    assert snapshot(client, keys.prefix) == before
