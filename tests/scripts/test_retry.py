"""retry: active -> delayed | waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker import record as records
from shared.broker.scripts import DONE, LOST, REPEATED
from tests.support.queue_probe import WORKER, another_try
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_puts_a_failed_job_aside_for_its_next_attempt(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    before = queue.now_ms()

    assert scripts.retry([another_try(job, delay_ms=60_000)]) == [DONE]

    assert queue.line("active") == []
    due = queue.score("delayed", "a")
    assert before + 60_000 <= due <= queue.now_ms() + 60_000
    run = queue.run("a")
    assert run["state"] == "delayed"
    assert run["attemptsMade"] == "1"
    assert run["attemptsStarted"] == "1"
    assert run["failedReason"] == "It broke."
    assert run["failureKind"] == "error"
    assert run["stacktrace"] == "a trace"
    assert queue.meta("retried") == 1
    assert queue.last_event() == {
        "event": "delayed",
        "jobId": "a",
        "delay": "60000",
        "failedReason": "It broke.",
    }
    [attempt] = queue.attempts("a")
    assert attempt["worker"] == WORKER
    assert attempt["outcome"] == "retried"
    assert before <= attempt["finished"] <= queue.now_ms()


def test_without_a_delay_the_job_joins_the_end_of_its_priority(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    queue.put("b", "c")
    queue.put("last", priority=6)

    scripts.retry([another_try(job)])

    assert queue.line() == ["b", "c", "a", "last"]
    assert queue.run("a")["state"] == "waiting"
    assert queue.last_event() == {
        "event": "waiting",
        "jobId": "a",
        "prev": "active",
        "failedReason": "It broke.",
    }


def test_the_wait_for_the_next_attempt_counts_anew(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    accepted = records.decode(queue.record("a")).timestamp
    wait_for(lambda: queue.now_ms() > accepted + 5)

    scripts.retry([another_try(job)])

    record = records.decode(queue.record("a"))
    assert record.waiting_since > accepted
    assert record.timestamp == accepted


def test_wakes_the_idle(scripts: Scripts, queue: QueueProbe) -> None:
    a, b = queue.active("a", "b")
    assert not queue.take_wake_token()

    scripts.retry([another_try(a)])
    assert queue.take_wake_token()

    scripts.retry([another_try(b, delay_ms=60_000)])
    assert queue.take_wake_token()


def test_answers_per_job_of_a_mixed_batch(scripts: Scripts, queue: QueueProbe) -> None:
    a, b, c = queue.active("a", "b", "c")
    scripts.retry([another_try(a, delay_ms=60_000)])
    late = b._replace(token="999")
    orders = [another_try(a), another_try(late), another_try(c)]
    assert scripts.retry(orders) == [REPEATED, LOST, DONE]
    assert queue.meta("retried") == 2


def test_the_history_keeps_the_last_fifty_attempts(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a")
    client.rpush(queue.keys.of("attempts", "a"), *[f'{{"n":{n}}}' for n in range(50)])

    scripts.retry([another_try(queue.claim()[0])])

    history = queue.attempts("a")
    assert len(history) == 50
    assert history[0] == {"n": 1}
    assert history[-1]["outcome"] == "retried"


def test_a_job_whose_record_is_damaged_goes_back_in_the_middle(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    whole = queue.record("a")
    client.set(queue.keys.of("job", "a"), b"rubbish")

    assert scripts.retry([another_try(job)]) == [DONE]

    assert queue.record("a") == b"rubbish"
    assert queue.line() == ["a"]
    client.set(queue.keys.of("job", "a"), whole)
