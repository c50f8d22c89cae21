"""read_counts: the number of jobs per state, and the longest wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.queue_probe import completion, failure
from tests.support.snapshot import snapshot
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def oldest_wait_ms(scripts: Scripts) -> int:
    return scripts.read_counts()[6]


def age(client: redis.Redis, queue: QueueProbe, job_id: str, *, ms: int) -> None:
    """Let a job have waited for `ms` milliseconds."""
    since = f"{queue.now_ms() - ms:013}"
    client.setrange(queue.keys.of("job", job_id), 6, since)


def test_an_unknown_queue_is_an_empty_one(
    scripts: Scripts, client: redis.Redis, keys: QueueKeys
) -> None:
    assert scripts.read_counts() == [0] * 10
    assert snapshot(client, keys.prefix) == {}


def test_counts_every_state(scripts: Scripts, queue: QueueProbe) -> None:
    jobs = queue.active("a", "b", "c", "d", "e", "f")
    scripts.complete([completion(job) for job in jobs[:3]])
    scripts.fail([failure(job) for job in jobs[3:5]])
    queue.put("w1", "w2", "w3", "w4")
    queue.put("d1", "d2", "d3", "d4", "d5", delay_ms=60_000)
    assert queue.counts() == {
        "waiting": 4,
        "delayed": 5,
        "active": 1,
        "completed": 3,
        "failed": 2,
        "cancelled": 0,
    }


def test_tells_how_long_the_oldest_has_waited(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b")
    age(client, queue, "a", ms=90_000)
    assert 90_000 <= oldest_wait_ms(scripts) < 95_000

    queue.claim()
    assert oldest_wait_ms(scripts) < 5_000


@pytest.mark.parametrize("priority", [1, 2, 500, 1000])
def test_finds_the_oldest_behind_more_urgent_ones(
    priority: int, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    for other in (1, 2, 500, 1000):
        queue.put(f"p{other}", f"p{other}-next", priority=other)
    age(client, queue, f"p{priority}", ms=90_000)
    assert oldest_wait_ms(scripts) >= 90_000


def test_time_set_aside_is_no_wait(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", delay_ms=60_000)
    assert oldest_wait_ms(scripts) == 0


def test_the_wait_grows(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a")
    wait_for(lambda: oldest_wait_ms(scripts) > 10)


@pytest.mark.parametrize("record", [b"rubbish", b"", None])
@pytest.mark.usefixtures("damaged")
def test_a_damaged_record_counts_but_has_not_waited(
    record: bytes | None, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a")
    client.delete(queue.keys.of("job", "a"))
    if record is not None:
        client.set(queue.keys.of("job", "a"), record)
    assert scripts.read_counts()[0] == 1
    assert oldest_wait_ms(scripts) == 0


@pytest.mark.usefixtures("damaged")
def test_a_record_of_a_wrong_type_does_not_hide_the_counts(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b")
    client.delete(queue.keys.of("job", "a"))
    client.rpush(queue.keys.of("job", "a"), "x")
    assert scripts.read_counts()[0] == 2


def test_tells_whether_the_queue_is_paused(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    assert scripts.read_counts()[7] == 0
    client.hset(queue.keys.one("meta"), "paused", 1)
    assert scripts.read_counts()[7] == 1


def test_changes_nothing(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    queue.put("a")
    before = snapshot(client, keys.prefix)
    scripts.read_counts()
    assert snapshot(client, keys.prefix) == before
