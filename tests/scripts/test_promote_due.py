"""promote_due: delayed -> waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker import record as records
from tests.support.queue_probe import another_try
from tests.support.snapshot import snapshot
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_moves_what_is_due_and_nothing_else(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("due", delay_ms=1)
    queue.put("far", delay_ms=60_000)
    queue.wait_until_due("due")
    due = queue.score("delayed", "due")

    moved, next_due_in_ms = scripts.promote_due(limit=10)

    assert moved == 1
    assert 50_000 < next_due_in_ms <= 60_000
    assert queue.line("waiting") == ["due"]
    assert queue.line("delayed") == ["far"]
    assert queue.state("due") == "waiting"
    assert queue.last_event() == {"event": "waiting", "jobId": "due", "prev": "delayed"}
    assert due <= records.decode(queue.record("due")).waiting_since <= queue.now_ms()


def test_nothing_is_ever_moved_before_its_time(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=40)
    due = queue.score("delayed", "a")

    wait_for(lambda: scripts.promote_due(limit=10)[0])

    assert records.decode(queue.record("a")).waiting_since >= due


def test_without_delayed_jobs_nothing_is_stored(
    scripts: Scripts, client: redis.Redis, keys: QueueKeys
) -> None:
    assert scripts.promote_due(limit=10) == (0, None)
    assert snapshot(client, keys.prefix) == {}


def test_moves_no_more_than_its_limit_the_longest_due_first(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    names = ["c", "a", "d", "b"]
    queue.put(*names, delay_ms=60_000)
    past = {name: number + 1 for number, name in enumerate(names)}
    client.zadd(queue.keys.one("delayed"), past)

    assert scripts.promote_due(limit=3) == (3, 0)

    assert queue.line("waiting") == ["c", "a", "d"]
    assert scripts.promote_due(limit=3) == (1, None)


def test_sending_it_twice_moves_nothing_twice(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=1)
    queue.wait_until_due("a")
    assert unlucky.promote_due(limit=10) == (0, None)
    assert queue.line() == ["a"]
    assert queue.meta("arrivals") == 1


def test_a_due_job_joins_the_end_of_its_priority(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("due-1", delay_ms=1, priority=1)
    queue.put("due-5", delay_ms=1, priority=5)
    queue.put("one", priority=1)
    queue.put("five", priority=5)
    queue.wait_until_due("due-5")

    scripts.promote_due(limit=10)

    assert queue.line() == ["one", "due-1", "five", "due-5"]


def test_a_retried_job_comes_back_with_its_history(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job, delay_ms=1)])
    queue.wait_until_due("a")

    scripts.promote_due(limit=10)

    assert queue.run("a")["state"] == "waiting"
    assert queue.run("a")["attemptsMade"] == "1"
    assert len(queue.attempts("a")) == 1


def test_wakes_the_idle(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", delay_ms=1)
    queue.take_wake_token()
    queue.wait_until_due("a")
    scripts.promote_due(limit=10)
    assert queue.wake_tokens() == 1


@pytest.mark.parametrize("record", [b"rubbish", None])
@pytest.mark.usefixtures("damaged")
def test_a_job_with_a_damaged_record_goes_on_to_where_it_is_found_out(
    record: bytes | None, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b", delay_ms=1)
    queue.wait_until_due("b")
    client.delete(queue.keys.of("job", "a"))
    if record is not None:
        client.set(queue.keys.of("job", "a"), record)

    assert scripts.promote_due(limit=10) == (2, None)
    assert sorted(queue.line()) == ["a", "b"]
    assert queue.record("a") == record


@pytest.mark.usefixtures("damaged")
def test_a_retried_job_with_a_damaged_record_is_waiting_by_all_accounts(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job, delay_ms=1)])
    client.set(queue.keys.of("job", "a"), b"rubbish")
    queue.wait_until_due("a")

    scripts.promote_due(limit=10)

    assert queue.line() == ["a"]
    assert queue.state("a") == "waiting"


@pytest.mark.usefixtures("damaged")
def test_a_record_of_a_wrong_type_does_not_hold_up_its_neighbours(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b", delay_ms=1)
    queue.wait_until_due("b")
    client.delete(queue.keys.of("job", "a"))
    client.rpush(queue.keys.of("job", "a"), "x")

    assert scripts.promote_due(limit=10) == (2, None)
    assert sorted(queue.line()) == ["a", "b"]
