"""Limits of a queue: what may not start is never claimed, and somebody is woken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder, StopOrder
from tests.support.queue_probe import (
    KEEP_ALL,
    another_try,
    completion,
    failure,
    opening,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe

HOUR_MS = 3_600_000


def names(queue: QueueProbe, count: int = 9) -> list[str]:
    return [job.job_id for job in queue.claim(count)]


def test_no_more_jobs_run_than_the_concurrency(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"concurrency": "2"})
    queue.put("a", "b", "c", "d")
    assert names(queue) == ["a", "b"]
    assert names(queue) == []
    assert queue.line() == ["c", "d"]


@pytest.mark.parametrize(
    "way", ["complete", "fail", "retry", "release", "stop", "recover"]
)
def test_a_place_that_becomes_free_wakes_somebody(
    way: str, scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"concurrency": "1"})
    queue.put("a", "b")
    [job] = queue.claim()
    assert names(queue) == []
    assert not queue.take_wake_token(), "nobody looks in vain"
    match way:
        case "complete":
            scripts.complete([completion(job)])
        case "fail":
            scripts.fail([failure(job)])
        case "retry":
            scripts.retry([another_try(job, delay_ms=HOUR_MS)])
        case "release":
            scripts.release([ReleaseOrder("a", job.token, HOUR_MS)])
        case "stop":
            scripts.stop([StopOrder("a", job.token, opening("cancelled"))])
        case _:
            recover(queue)
    assert queue.take_wake_token()
    assert len(names(queue)) == 1


def recover(queue: QueueProbe) -> None:
    queue.client.zadd(queue.keys.one("active"), {"a": 1})
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=0,
            keep=KEEP_ALL,
        )


def test_no_more_jobs_start_than_the_rate_and_the_wait_is_told(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"rateMax": "2", "rateMs": str(HOUR_MS)})
    queue.put("a", "b", "c")
    assert names(queue, 1) == ["a"]
    assert names(queue) == ["b"]
    answer = queue.ask(9)
    assert answer.jobs == []
    assert answer.next_due_in_ms is not None
    assert HOUR_MS - 60_000 < answer.next_due_in_ms <= HOUR_MS


def test_the_rate_begins_anew_after_its_time(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"rateMax": "1", "rateMs": "1"})
    queue.put("a", "b")
    assert names(queue, 1) == ["a"]
    wait_for(lambda: not client.exists(queue.keys.one("rate")), what="a new time")
    assert names(queue) == ["b"]


def test_the_sooner_of_the_next_due_job_and_the_next_time_is_told(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"rateMax": "1", "rateMs": str(HOUR_MS)})
    queue.put("a")
    queue.put("b", delay_ms=60_000)
    names(queue)
    next_due = queue.ask().next_due_in_ms
    assert next_due is not None
    assert next_due <= 60_000


def test_a_shorter_rate_holds_from_the_next_claim_on(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"rateMax": "1", "rateMs": str(HOUR_MS)})
    queue.put("a", "b")
    names(queue)
    scripts.configure({"rateMax": "1", "rateMs": "50"})
    assert wait_for(lambda: names(queue), what="the new rate's time") == ["b"]


def test_a_larger_limit_holds_from_the_next_claim_on(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"concurrency": "1", "rateMax": "2", "rateMs": str(HOUR_MS)})
    queue.put("a", "b", "c", "d")
    assert names(queue) == ["a"]
    scripts.configure({"concurrency": "3"})
    assert queue.take_wake_token()
    assert names(queue) == ["b"]
    scripts.configure({"rateMax": "", "rateMs": ""})
    assert names(queue) == ["c"]
    scripts.configure({"concurrency": ""})
    assert names(queue) == ["d"]


def test_a_smaller_limit_lets_run_what_runs(
    scripts: Scripts, queue: QueueProbe
) -> None:
    held = queue.active("a", "b", "c")
    queue.put("d")
    scripts.configure({"concurrency": "1"})
    assert names(queue) == []
    scripts.complete([completion(job) for job in held[:2]])
    assert names(queue) == []
    scripts.complete([completion(held[2])])
    assert names(queue) == ["d"]


def test_a_paused_queue_gives_nothing_until_it_is_resumed(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a")
    for _ in range(2):
        scripts.configure({"paused": "1"})
    assert names(queue) == []
    assert not queue.take_wake_token()
    assert scripts.read_counts()[7] == 1

    for _ in range(2):
        scripts.configure({"paused": ""})

    assert queue.take_wake_token()
    assert names(queue) == ["a"]
    told = [e["event"] for e in queue.events() if e["event"] in ("paused", "resumed")]
    assert told == ["paused", "resumed"]
