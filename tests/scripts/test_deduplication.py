"""Deduplication: simple, throttle, debounce, keep the last while one runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.orders import NewJob, StopOrder
from shared.broker.scripts import Enqueued, Patience, Scripts
from shared.jobs.states import JobState
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    another_try,
    completion,
    failure,
    new_job,
    opening,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from tests.support.queue_probe import QueueProbe

LONG = "ttl=600000"


def add(queue: QueueProbe, job_id: str, mode: str = "", delay_ms: int = 0) -> Enqueued:
    [enqueued] = queue.scripts.enqueue(
        [
            new_job(
                job_id,
                deduplication="d",
                deduplication_mode=mode,
                delay_ms=delay_ms,
            )
        ]
    )
    return enqueued


def test_a_job_stands_for_the_next_one_until_it_ends(
    scripts: Scripts, queue: QueueProbe
) -> None:
    first = add(queue, "a")
    assert first == Enqueued("a", True, JobState.WAITING, first.timestamp)

    second = add(queue, "b")

    assert second == Enqueued("a", False, JobState.WAITING, first.timestamp, True)
    assert queue.last_event() == {
        "event": "deduplicated",
        "jobId": "a",
        "deduplicatedJobId": "b",
    }
    [job] = queue.claim(9)
    assert add(queue, "c")[:3] == ("a", False, JobState.ACTIVE)
    scripts.retry([another_try(job)])
    assert add(queue, "d")[:3] == ("a", False, JobState.WAITING)


@pytest.mark.parametrize(
    "end", ["complete", "complete unkept", "fail", "stop", "cancel", "remove", "poison"]
)
def test_its_end_frees_the_id(end: str, scripts: Scripts, queue: QueueProbe) -> None:
    add(queue, "a")
    if end not in ("cancel", "remove"):
        [job] = queue.claim()
    match end:
        case "complete":
            scripts.complete([completion(job)])
        case "complete unkept":
            scripts.complete([completion(job, keep=KEEP_NONE)])
        case "fail":
            scripts.fail([failure(job)])
        case "stop":
            scripts.stop([StopOrder("a", job.token, opening("cancelled"))])
        case "cancel":
            scripts.cancel(["a"], keep=KEEP_ALL)
        case "remove":
            scripts.remove(["a"])
        case _:
            lose(queue, "a")

    assert add(queue, "b").created


def lose(queue: QueueProbe, job_id: str) -> None:
    queue.client.zadd(queue.keys.one("active"), {job_id: 1})
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=0,
            keep=KEEP_ALL,
        )


@pytest.mark.parametrize("keep", [KEEP_ALL, KEEP_NONE])
def test_a_time_holds_the_id_also_after_the_job_has_ended(
    keep: object, scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", LONG)
    scripts.complete([completion(job, keep=keep) for job in queue.claim()])
    again = add(queue, "b", LONG)
    assert again[:3] == ("a", False, JobState.COMPLETED)
    assert queue.counts()["waiting"] == 0


def test_the_time_ends(scripts: Scripts, queue: QueueProbe) -> None:
    add(queue, "a", "ttl=1")
    wait_for(
        lambda: not queue.client.exists(queue.keys.of("dedup", "d")), what="it is over"
    )
    assert add(queue, "b", "ttl=1").created
    assert queue.line() == ["a", "b"]


def test_who_removes_a_job_frees_its_id_before_its_time(
    scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", LONG)
    scripts.remove(["a"])
    assert add(queue, "b", LONG).created


@pytest.mark.parametrize("extend", [False, True])
def test_a_further_one_starts_the_time_anew_only_if_asked_to(
    client: redis.Redis, queue: QueueProbe, *, extend: bool
) -> None:
    mode = "ttl=600000;extend" if extend else LONG
    add(queue, "a", mode)
    client.pexpire(queue.keys.of("dedup", "d"), 60_000)
    add(queue, "b", mode)
    left = client.pttl(queue.keys.of("dedup", "d"))
    assert (left > 60_000) == extend


def test_the_last_of_many_takes_the_place_of_one_that_is_delayed(
    queue: QueueProbe,
) -> None:
    mode = "ttl=600000;extend;replace"
    for job_id in "abc":
        assert add(queue, job_id, mode, delay_ms=60_000).created
    assert queue.line("delayed") == ["c"]
    assert queue.state("a") is None
    assert {e["jobId"] for e in queue.events() if e["event"] == "removed"} == {"a", "b"}


def test_one_that_waits_is_not_replaced(queue: QueueProbe) -> None:
    add(queue, "a", "replace")
    assert not add(queue, "b", "replace").created
    assert queue.line() == ["a"]


def test_the_last_that_came_while_one_ran_follows_it(
    scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", "keep")
    [job] = queue.claim()
    for job_id in "bc":
        assert add(queue, job_id, "keep")[:3] == ("a", False, JobState.ACTIVE)
    assert queue.counts()["waiting"] == 0

    scripts.complete([completion(job)])

    assert queue.line() == ["c"]
    assert queue.state("b") is None
    assert {"event": "waiting", "jobId": "c"} in queue.events()
    assert not add(queue, "d").created


def test_what_is_kept_has_its_own_delay_and_its_own_place(
    scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", "keep")
    [job] = queue.claim()
    scripts.enqueue(
        [
            new_job(
                "b",
                task="other",
                group="tenant",
                delay_ms=60_000,
                deduplication="d",
                deduplication_mode="keep",
                expires_in_ms=5,
            )
        ]
    )
    scripts.complete([completion(job)])
    assert queue.state("b") == "delayed"
    due = queue.score("delayed", "b")
    assert due is not None
    assert queue.score("expiring", "b") == due + 5
    scripts.promote_now(["b"])
    assert queue.line("group:tenant") == ["b"]
    assert b";n=other;" in queue.record("b")


def test_a_message_sent_again_does_not_create_what_is_kept_twice(
    scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", "keep")
    [job] = queue.claim()
    add(queue, "b", "keep")
    for _ in range(2):
        scripts.complete([completion(job)])
    scripts.complete([completion(job) for job in queue.claim()])
    assert queue.counts()["waiting"] == 0


@pytest.mark.parametrize("way", ["remove", "cancel"])
def test_what_is_kept_is_not_lost_with_a_job_that_came_back_from_a_lost_worker(
    way: str, scripts: Scripts, queue: QueueProbe
) -> None:
    add(queue, "a", "keep")
    [job] = queue.claim()
    add(queue, "b", "keep")
    scripts.release([(job.job_id, job.token, 0, b"")])
    if way == "remove":
        scripts.remove(["a"])
    else:
        scripts.cancel(["a"], keep=KEEP_ALL)
    assert queue.line() == ["b"]


def test_events_of_one_batch_come_in_the_order_of_what_happened(
    scripts: Scripts, queue: QueueProbe
) -> None:
    def keep(job_id: str) -> object:
        return new_job(job_id, deduplication="d", deduplication_mode="keep")

    created = scripts.enqueue([keep("a"), new_job("x"), keep("b")])

    assert [each.created for each in created] == [True, True, True]
    assert [(e["event"], e["jobId"]) for e in queue.events()] == [
        ("waiting", "a x"),
        ("removed", "a"),
        ("waiting", "b"),
    ]


@pytest.mark.parametrize("mode", ["keep", "replace;keep", "replace", ""])
def test_a_batch_that_is_sent_again_changes_nothing_whatever_happened_between(
    mode: str, scripts: Scripts, queue: QueueProbe
) -> None:
    def wish(job_id: str) -> NewJob:
        return new_job(job_id, deduplication="d", deduplication_mode=mode)

    queue.put("h", deduplication="d")
    [holder] = queue.claim()
    before: list[Any] = []

    def look() -> list[Any]:
        return [queue.counts(), queue.line(), queue.events()]

    def go_on() -> None:
        # What was kept is created now, and holds the id.
        scripts.complete([completion(holder)])
        before.extend(look())

    losing = LossyClient(queue.client, before_next=go_on)
    patience = Patience(tries=2, pause_s=0)
    unlucky = Scripts(losing, queue.keys, patience=patience)

    answers = unlucky.enqueue([wish("a"), wish("b"), new_job("x")])

    assert look() == before
    assert [each.created for each in answers[1:]] == ["keep" in mode, True]


def test_what_others_may_have_sent_is_created_if_they_did_not(
    scripts: Scripts, queue: QueueProbe
) -> None:
    def wish(job_id: str) -> NewJob:
        return new_job(job_id, operation="op", deduplication="d")

    scripts.enqueue([wish("a")], may_repeat=True)
    both = [wish("a"), new_job("b", operation="op-b", deduplication="e")]

    created = scripts.enqueue(both, may_repeat=True)

    assert [each.created for each in created] == [True, True]
    assert queue.line() == ["a", "b"]
