"""complete: active -> completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.committer import MAX_BATCH
from shared.broker.orders import Completion
from shared.broker.scripts import DONE, LOST, REPEATED
from shared.contracts.retention import Retention
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    another_try,
    completion,
)
from tests.support.snapshot import snapshot
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_ends_a_job_well_and_keeps_what_it_returned(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    before = queue.now_ms()

    answers = scripts.complete([Completion("a", job.token, b'{"n":1}', KEEP_ALL)])

    assert answers == [DONE]
    assert queue.line("completed") == ["a"]
    assert queue.line("active") == []
    run = queue.run("a")
    assert run["state"] == "completed"
    assert run["returnvalue"] == '{"n":1}'
    assert run["attemptsMade"] == "1"
    assert before <= int(run["finishedOn"]) <= queue.now_ms()
    assert queue.score("completed", "a") == int(run["finishedOn"])
    assert queue.last_event() == {"event": "completed", "jobId": "a"}
    assert queue.meta("completed") == 1


def test_a_group_commit_is_one_event_with_all_ids(
    scripts: Scripts, queue: QueueProbe
) -> None:
    jobs = queue.active("a", "b", "c")

    assert scripts.complete([completion(job) for job in jobs]) == [DONE] * 3

    assert queue.last_event() == {"event": "completed", "jobId": "a b c"}
    assert queue.meta("completed") == 3


def test_ends_the_others_of_a_batch_in_which_one_comes_too_late(
    scripts: Scripts, queue: QueueProbe
) -> None:
    jobs = queue.active("a", "b", "c")
    jobs[1] = jobs[1]._replace(token="999")

    answers = scripts.complete([completion(job) for job in jobs])

    assert answers == [DONE, LOST, DONE]
    assert queue.line("active") == ["b"]
    assert queue.last_event()["jobId"] == "a c"


def test_a_batch_that_comes_too_late_as_a_whole_writes_nothing(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    jobs = [job._replace(token="999") for job in queue.active("a", "b")]
    before = snapshot(client, keys.prefix)
    assert scripts.complete([completion(job) for job in jobs]) == [LOST, LOST]
    assert snapshot(client, keys.prefix) == before


def test_a_job_that_never_was_is_lost(scripts: Scripts) -> None:
    assert scripts.complete([Completion("ghost", "1", b"1", KEEP_ALL)]) == [LOST]


def test_one_job_twice_in_a_batch_ends_once(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    assert scripts.complete([completion(job)] * 2) == [DONE, REPEATED]
    assert queue.run("a")["attemptsMade"] == "1"


def test_a_job_that_is_well_forgets_what_an_earlier_attempt_died_of(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    assert queue.run("a")["failedReason"] == "It broke."

    scripts.complete([completion(queue.claim()[0])])

    run = queue.run("a")
    assert not {"failedReason", "failureKind", "stacktrace"} & set(run)
    assert run["attemptsMade"] == "2"
    assert len(queue.attempts("a")) == 1, "the history keeps it"


def test_a_return_value_may_be_any_text(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    value = '"é\\u0000 \\n;" '.encode() + b"x" * 100_000
    scripts.complete([Completion("a", job.token, value, KEEP_ALL)])
    assert queue.run("a")["returnvalue"].encode() == value


# Retention


def test_a_job_that_is_not_to_be_kept_leaves_nothing_but_a_mark(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    [job] = queue.claim()
    scripts.add_log("a", job.token, operation="l1", lines=["one"])

    scripts.complete([completion(job, keep=KEEP_NONE)])

    left = {
        key.removeprefix(keys.prefix).partition(":")[0]
        for key in snapshot(client, keys.prefix)
    }
    assert left == {"claim", "events", "gone", "meta"}
    assert queue.state("a") is None
    assert queue.last_event() == {"event": "completed", "jobId": "a"}
    assert queue.meta("completed") == 1


def test_keeps_the_newest_up_to_a_count(scripts: Scripts, queue: QueueProbe) -> None:
    for name in "abcd":
        [job] = queue.active(name)
        finished = queue.now_ms()
        scripts.complete([completion(job, keep=Retention(count=2))])
        wait_for(lambda since=finished: queue.now_ms() > since + 1)
    assert queue.line("completed") == ["c", "d"]
    assert queue.record("b") is None
    assert queue.meta("completed") == 4


def test_removes_whose_own_time_is_over(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    old, young, for_ever = queue.active("old", "young", "for-ever")
    keep = Retention(age=60)
    scripts.complete([completion(old, keep=keep), completion(young, keep=keep)])
    scripts.complete([completion(for_ever)])
    client.zadd(queue.keys.one("leaving"), {"old": queue.now_ms() - 1})

    [job] = queue.active("a")
    scripts.complete([completion(job, keep=Retention(age=1))])

    assert sorted(queue.line("completed")) == ["a", "for-ever", "young"]
    assert queue.record("old") is None


def test_removes_by_count_and_age_whichever_asks_for_more(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    names = [f"j{number}" for number in range(5)]
    for job in queue.active(*names):
        scripts.complete([completion(job, keep=Retention(age=60))])
    client.zadd(queue.keys.one("leaving"), dict.fromkeys(names[:3], 1))

    # j0 to j2 are over; the count alone would only remove j0.
    [job] = queue.active("a")
    scripts.complete([completion(job, keep=Retention(age=7, count=5))])

    assert sorted(queue.line("completed")) == ["a", "j3", "j4"]


def test_a_long_backlog_shrinks_by_a_bounded_number_per_job(
    scripts: Scripts, queue: QueueProbe
) -> None:
    names = [f"j{number:02}" for number in range(20)]
    scripts.complete([completion(job) for job in queue.active(*names)])

    for left in (17, 14):
        [job] = queue.active(f"new-{left}")
        scripts.complete([completion(job, keep=Retention(count=3))])
        assert queue.counts()["completed"] == left


def test_a_batch_applies_the_retention_of_each_of_its_jobs(
    scripts: Scripts, queue: QueueProbe
) -> None:
    a, b, c = queue.active("a", "b", "c")
    scripts.complete(
        [
            completion(a, keep=KEEP_NONE),
            completion(b, keep=Retention(count=10)),
            completion(c, keep=KEEP_ALL),
        ]
    )
    assert queue.line("completed") == ["b", "c"]
    assert queue.record("a") is None


def test_the_largest_batch_with_the_largest_removal_fits(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    backlog = {f"old-{number}": number for number in range(2_000)}
    client.zadd(queue.keys.one("completed"), backlog)
    jobs = queue.active(*(f"j{number}" for number in range(MAX_BATCH)))

    answers = scripts.complete([completion(j, keep=Retention(count=100)) for j in jobs])

    assert answers == [DONE] * MAX_BATCH
    assert queue.counts()["completed"] == 2_000 + MAX_BATCH - 4 * MAX_BATCH
    client.zremrangebyscore(queue.keys.one("completed"), 0, 2_000)


def test_the_mark_of_a_removed_job_goes_away_by_itself(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    scripts.complete([completion(job, keep=KEEP_NONE)])
    [gone] = client.scan_iter(match=f"{keys.prefix}gone:*")
    assert 60_000 <= client.pttl(gone) <= 120_000
