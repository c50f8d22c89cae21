"""claim: waiting -> active."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from shared.broker import record as records
from shared.broker.orders import Completion, ReleaseOrder
from shared.broker.scripts import Scripts
from shared.contracts.retention import Retention
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import (
    KEEP_NONE,
    LONG_MS,
    WORKER,
    another_try,
    completion,
    failure,
    new_job,
)
from tests.support.snapshot import snapshot
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from tests.support.queue_probe import QueueProbe


def claim(scripts: Scripts, operation: str, *, count: int = 1) -> list[str]:
    answer = scripts.claim(
        worker=WORKER, operation=operation, count=count, lease_ms=LONG_MS
    )
    return [job.job_id for job in answer.jobs]


def test_takes_a_job_under_lease_and_hands_out_all_that_a_worker_needs(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", operation="op-a")
    place = queue.score("waiting", "a")
    before = queue.now_ms()

    answer = scripts.claim(worker=WORKER, operation="c1", count=1, lease_ms=5_000)

    [job] = answer.jobs
    assert job == ("a", "1", queue.record("a"), 0, 1, 0)
    assert before <= answer.now_ms <= queue.now_ms()
    assert queue.line("active") == ["a"]
    assert queue.score("active", "a") == answer.now_ms + 5_000
    assert queue.line("waiting") == []
    assert queue.run("a") == {
        "state": "active",
        "token": "1",
        "worker": WORKER,
        "processedOn": str(answer.now_ms),
        "attemptsStarted": "1",
        "order": f"{place:.0f}",
        "operation": "op-a",
    }
    assert queue.last_event() == {"event": "active", "jobId": "a", "worker": WORKER}


def test_takes_what_is_there_when_there_is_less_than_asked_for(
    queue: QueueProbe,
) -> None:
    queue.put("a", "b")
    assert [job.job_id for job in queue.claim(10)] == ["a", "b"]


def test_an_empty_line_gives_nothing_and_stores_nothing(
    client: redis.Redis, keys: QueueKeys, queue: QueueProbe
) -> None:
    answer = queue.ask(10)
    assert (answer.jobs, answer.next_due_in_ms) == ([], None)
    assert snapshot(client, keys.prefix) == {}


def test_takes_the_front_of_the_line_and_leaves_the_rest(queue: QueueProbe) -> None:
    for number in range(6):
        queue.put(f"low-{number}", priority=9)
        queue.put(f"high-{number}", priority=1)

    taken = [job.job_id for job in queue.claim(7)]

    assert taken == [f"high-{number}" for number in range(6)] + ["low-0"]
    assert queue.line() == [f"low-{number}" for number in range(1, 6)]


def test_a_batch_is_one_event_with_all_ids(queue: QueueProbe) -> None:
    queue.put("a", "b", "c")
    queue.claim(3)
    assert queue.events()[3:] == [
        {"event": "active", "jobId": "a b c", "worker": WORKER}
    ]


def test_every_lease_has_a_greater_token_than_all_before(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b")
    first = queue.claim(2)
    scripts.retry([another_try(job) for job in first])
    queue.put("c")
    second = queue.claim(3)

    tokens = [int(job.token) for job in first + second]
    assert tokens == sorted(set(tokens))
    assert len(tokens) == 5


def test_tokens_stay_exact_when_they_are_large(
    client: redis.Redis, queue: QueueProbe, scripts: Scripts
) -> None:
    client.hset(queue.keys.one("meta"), "tokens", 2**52)
    jobs = queue.active("a", "b")
    assert [int(job.token) for job in jobs] == [2**52 + 1, 2**52 + 2]
    assert scripts.complete([completion(job) for job in jobs]) == [1, 1]


def test_gives_the_same_jobs_again_to_a_claim_sent_twice(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b", "c")
    ask = {"worker": WORKER, "operation": "c1", "count": 2, "lease_ms": LONG_MS}
    first = scripts.claim(**ask)
    before = snapshot(client, queue.keys.prefix)

    second = scripts.claim(**ask)

    assert second.jobs == first.jobs
    assert snapshot(client, queue.keys.prefix) == before


def test_a_lost_reply_loses_no_job(unlucky: Scripts, queue: QueueProbe) -> None:
    queue.put("a", "b", "c")
    assert claim(unlucky, "c1", count=2) == ["a", "b"]
    assert queue.line("active") == ["a", "b"]
    assert queue.run("a")["attemptsStarted"] == "1"


def test_a_claim_sent_twice_leaves_out_what_another_worker_has_taken_over(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b")
    claim(scripts, "c1", count=2)
    scripts.release([ReleaseOrder("a", queue.run("a")["token"])])
    assert [job.job_id for job in queue.claim(worker="worker-2")] == ["a"]

    assert claim(scripts, "c1", count=2) == ["b"]


def test_a_claim_sent_twice_leaves_out_what_went_back_to_the_line(
    client: redis.Redis, queue: QueueProbe
) -> None:
    queue.put("a")

    def take_back() -> None:
        for _ in range(2):
            queue.wait_until_expired("a")
            queue.scripts.recover(
                gate_ms=0,
                suspect_before_expiry_ms=0,
                suspect_for_ms=0,
                max_stalled=9,
                keep=Retention(),
            )

    lossy = Scripts(LossyClient(client, before_next=take_back), queue.keys)
    answer = lossy.claim(worker=WORKER, operation="c1", count=1, lease_ms=1)

    assert queue.state("a") == "waiting"
    assert answer.jobs == []


def test_a_claim_sent_twice_leaves_out_what_was_removed(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b")
    claim(scripts, "c1", count=2)
    token = queue.run("a")["token"]
    scripts.complete([Completion("a", token, b"1", KEEP_NONE)])
    assert claim(scripts, "c1", count=2) == ["b"]


def test_the_next_claim_gets_the_next_jobs(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", "b", "c")
    assert claim(scripts, "c1") == ["a"]
    assert claim(scripts, "c2") == ["b"]
    assert claim(scripts, "c1") == ["c"]


def test_an_operation_is_the_affair_of_one_worker(queue: QueueProbe) -> None:
    queue.put("a", "b")
    for worker, expected in [("worker-1", "a"), ("worker-2", "b")]:
        answer = queue.scripts.claim(
            worker=worker, operation="same", count=1, lease_ms=LONG_MS
        )
        assert [job.job_id for job in answer.jobs] == [expected]


def test_no_job_is_handed_out_twice_when_many_claim_at_once(
    queue: QueueProbe,
) -> None:
    jobs = [f"j{number}" for number in range(60)]
    queue.put(*jobs)
    taken: list[str] = []

    def take(worker: str) -> None:
        while found := queue.claim(4, worker=worker):
            taken.extend(job.job_id for job in found)

    threads = [threading.Thread(target=take, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == sorted(jobs)


def test_counts_started_attempts_and_carries_the_counters(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    client.hset(queue.keys.of("run", "a"), "stalledCounter", 2)

    [again] = queue.claim()

    assert again.attempts_made == 1
    assert again.attempts_started == 2
    assert again.stalled_counter == 2


def test_moves_what_is_due_first_and_counts_it_by_its_priority(
    queue: QueueProbe,
) -> None:
    queue.put("due", delay_ms=1, priority=1)
    queue.put("far", delay_ms=60_000, priority=1)
    queue.put("waiting", priority=5)
    queue.wait_until_due("due")

    answer = queue.ask(5)

    assert [job.job_id for job in answer.jobs] == ["due", "waiting"]
    assert [event["event"] for event in queue.events()[-2:]] == ["waiting", "active"]
    assert queue.events()[-2] == {"event": "waiting", "jobId": "due", "prev": "delayed"}


def test_says_how_long_until_the_next_job_is_due(queue: QueueProbe) -> None:
    queue.put("a", delay_ms=60_000)
    answer = queue.ask()
    assert answer.next_due_in_ms == queue.score("delayed", "a") - answer.now_ms


def test_moves_a_bounded_number_of_due_jobs(queue: QueueProbe) -> None:
    jobs = [f"j{number:03}" for number in range(150)]
    queue.put(*jobs, delay_ms=1)
    queue.wait_until_due(jobs[-1])

    answer = queue.ask(1)

    assert queue.counts()["waiting"] == 99
    assert queue.counts()["delayed"] == 50
    assert answer.next_due_in_ms == 0


def test_a_job_falling_due_is_claimed_at_once_by_who_waits_for_it(
    queue: QueueProbe,
) -> None:
    queue.put("a", delay_ms=30)
    due = queue.score("delayed", "a")

    [job] = wait_for(queue.claim)

    assert job.job_id == "a"
    assert int(queue.run("a")["processedOn"]) >= due
    assert records.decode(queue.record("a")).waiting_since >= due


def test_a_paused_queue_hands_out_nothing_but_keeps_time(
    client: redis.Redis, queue: QueueProbe
) -> None:
    client.hset(queue.keys.one("meta"), "paused", 1)
    queue.put("a")
    queue.put("due", delay_ms=1)
    queue.wait_until_due("due")

    assert queue.claim(5) == []
    assert queue.line() == ["a", "due"]

    client.hdel(queue.keys.one("meta"), "paused")
    assert len(queue.claim(5)) == 2


def test_a_token_is_passed_on_while_work_is_left_and_removed_with_the_last_job(
    queue: QueueProbe,
) -> None:
    queue.put("a", "b", "c")
    passed_on = []
    for _ in range(3):
        assert queue.take_wake_token()
        queue.claim()
        passed_on.append(queue.wake_tokens())
    assert passed_on == [1, 1, 0]


def test_a_token_that_promises_nothing_is_removed(queue: QueueProbe) -> None:
    queue.put("a")
    queue.claim()
    assert queue.wake_tokens() == 0


def test_a_damaged_record_is_handed_out_with_its_neighbours(
    client: redis.Redis, queue: QueueProbe, scripts: Scripts
) -> None:
    queue.put("a", "b", "c")
    client.set(queue.keys.of("job", "b"), b"\x00rubbish\xff")

    jobs = queue.claim(3)

    assert [job.job_id for job in jobs] == ["a", "b", "c"]
    assert jobs[1].record == b"\x00rubbish\xff"
    assert scripts.fail([failure(jobs[1], keep=KEEP_NONE)]) == [1]


@pytest.mark.usefixtures("damaged")
def test_a_record_of_a_wrong_type_or_none_reads_as_empty(
    client: redis.Redis, queue: QueueProbe
) -> None:
    queue.put("a", "b", "c")
    client.delete(queue.keys.of("job", "a"), queue.keys.of("job", "b"))
    client.rpush(queue.keys.of("job", "b"), "x")

    records = [job.record for job in queue.claim(3)]

    assert records == [b"", b"", queue.record("c")]


def test_a_job_of_the_longest_names_keeps_its_operation(
    scripts: Scripts, queue: QueueProbe
) -> None:
    job_id, task, operation = "j" * 128, "t" * 64, "o" * 20
    scripts.enqueue([new_job(job_id, task=task, operation=operation, priority=1000)])[0]
    [job] = queue.claim()
    scripts.retry([another_try(job, delay_ms=1)])
    queue.wait_until_due(job_id)
    queue.claim()
    order = int(queue.run(job_id)["order"])
    assert order // 2**40 == 1000, "the header was read whole"
    assert queue.run(job_id)["operation"] == operation
