"""enqueue: (none) -> waiting | delayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker import record as records
from shared.broker.record import encode_body
from shared.broker.scripts import Enqueued, Scripts
from shared.jobs.states import JobState
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import KEEP_NONE, completion, failure, new_job
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from tests.support.queue_probe import QueueProbe

PRIORITY_WIDTH = 2**40


def test_puts_a_job_into_the_waiting_line_and_keeps_what_the_caller_said(
    scripts: Scripts, queue: QueueProbe
) -> None:
    body = encode_body('{"msg":"né\\n;o=x"}'.encode(), b'{"attempts":2}')
    before = queue.now_ms()

    enqueued = scripts.enqueue(
        [new_job("a", task="echo", priority=7, operation="op-1", record=body)]
    )[0]

    assert enqueued == Enqueued("a", True, JobState.WAITING, enqueued.timestamp)
    assert before <= enqueued.timestamp <= queue.now_ms()
    assert records.decode(queue.record("a")) == records.Record(
        task="echo",
        priority=7,
        timestamp=enqueued.timestamp,
        waiting_since=enqueued.timestamp,
        group="",
        data='{"msg":"né\\n;o=x"}'.encode(),
        options=b'{"attempts":2}',
    )
    assert queue.line("waiting") == ["a"]
    assert queue.state("a") == "waiting"
    assert queue.events() == [{"event": "waiting", "jobId": "a"}]


def test_puts_a_job_with_a_delay_aside_until_it_is_due(
    scripts: Scripts, queue: QueueProbe
) -> None:
    enqueued = scripts.enqueue([new_job("a", delay_ms=60_000)])[0]

    assert enqueued.state == JobState.DELAYED
    assert queue.score("delayed", "a") == enqueued.timestamp + 60_000
    assert queue.state("a") == "delayed"
    assert queue.events() == [{"event": "delayed", "jobId": "a", "delay": "60000"}]


def test_the_longest_delay_is_exact(scripts: Scripts, queue: QueueProbe) -> None:
    year_ms = 365 * 24 * 3600 * 1000
    enqueued = scripts.enqueue([new_job("a", delay_ms=year_ms)])[0]
    assert queue.score("delayed", "a") == enqueued.timestamp + year_ms


def test_nothing_is_stored_about_a_run_before_there_is_one(
    client: redis.Redis, keys: QueueKeys, queue: QueueProbe
) -> None:
    queue.put("a")
    below = {key.removeprefix(keys.prefix) for key in snapshot(client, keys.prefix)}
    assert below == {"job:a", "waiting", "meta", "events", "wake"}


def test_jobs_of_one_priority_wait_in_the_order_of_their_arrival(
    queue: QueueProbe,
) -> None:
    arrivals = ["c", "a", "d", "b", "zz", "0"]
    queue.put(*arrivals)
    assert queue.line() == arrivals


def test_a_lower_priority_number_waits_in_front(queue: QueueProbe) -> None:
    for job_id, priority in [("d", 1000), ("c", 5), ("a", 1), ("e", 1000), ("b", 1)]:
        queue.put(job_id, priority=priority)
    assert queue.line() == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("arrivals", [2**31, 2**32, 2**39, PRIORITY_WIDTH - 10])
@pytest.mark.parametrize("priority", [1, 999, 1000])
def test_the_order_stays_exact_after_very_many_arrivals(
    arrivals: int, priority: int, client: redis.Redis, queue: QueueProbe
) -> None:
    client.hset(queue.keys.one("meta"), "arrivals", arrivals)

    queue.put("c", "a", "b", priority=priority)
    queue.put("first", priority=max(1, priority - 1))

    base = priority * PRIORITY_WIDTH + arrivals
    scores = [queue.score("waiting", job_id) for job_id in "cab"]
    assert scores == [base + 1, base + 2, base + 3]
    assert [j for j in queue.line() if j != "first"] == ["c", "a", "b"]
    assert queue.line()[0] == ("first" if priority > 1 else "c")


@pytest.mark.parametrize(
    "state", ["waiting", "delayed", "active", "completed", "failed"]
)
def test_an_id_that_is_taken_creates_nothing_and_tells_about_the_other(
    state: str, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    first = scripts.enqueue(
        [new_job("a", operation="op-1", delay_ms=60_000 if state == "delayed" else 0)]
    )[0]
    if state not in ("waiting", "delayed"):
        [job] = queue.claim()
        if state == "completed":
            scripts.complete([completion(job)])
        if state == "failed":
            scripts.fail([failure(job)])
    before = snapshot(client, queue.keys.prefix)

    second = scripts.enqueue(
        [new_job("a", operation="op-2", task="other", priority=1)]
    )[0]

    assert second == Enqueued("a", False, JobState(state), first.timestamp)
    assert snapshot(client, queue.keys.prefix) == before


@pytest.mark.parametrize("operation", ["", "op-1"])
@pytest.mark.parametrize("delay_ms", [0, 60_000])
def test_a_request_sent_again_after_a_lost_reply_creates_its_job_once(
    operation: str, delay_ms: int, unlucky: Scripts, queue: QueueProbe
) -> None:
    [enqueued] = unlucky.enqueue([new_job("a", operation=operation, delay_ms=delay_ms)])

    state = JobState.DELAYED if delay_ms else JobState.WAITING
    timestamp = records.decode(queue.record("a")).timestamp
    assert enqueued == Enqueued("a", True, state, timestamp)
    assert len(queue.events()) == 1
    assert queue.meta("arrivals") == (0 if delay_ms else 1)


@pytest.mark.parametrize("operation", ["", "op-1"])
def test_a_request_sent_again_after_its_job_ran_and_went_does_not_run_it_again(
    operation: str, client: redis.Redis, queue: QueueProbe
) -> None:
    def run_and_remove() -> None:
        [job] = queue.claim()
        queue.scripts.complete([completion(job, keep=KEEP_NONE)])

    lossy = LossyClient(client, before_next=run_and_remove)
    [enqueued] = Scripts(lossy, queue.keys).enqueue([new_job("a", operation=operation)])

    assert lossy.sent == 2
    assert enqueued[:3] == ("a", True, JobState.COMPLETED)
    assert queue.record("a") is None
    assert queue.line() == []


def test_a_new_request_may_use_the_id_of_a_removed_job(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.enqueue([new_job("a", operation="op-1")])[0]
    scripts.complete([completion(queue.claim()[0], keep=KEEP_NONE)])

    again = scripts.enqueue([new_job("a", operation="op-2")])[0]

    assert again[:3] == ("a", True, JobState.WAITING)
    assert queue.line() == ["a"]


def test_a_request_sent_again_may_use_an_id_that_became_free_meanwhile(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    scripts.enqueue([new_job("a", operation="op-1")])[0]

    def end_the_old_job() -> None:
        scripts.complete([completion(queue.claim()[0], keep=KEEP_NONE)])

    # The first send meets the old job, the second one only the old job's mark.
    lossy = LossyClient(client, before_next=end_the_old_job)
    [enqueued] = Scripts(lossy, queue.keys).enqueue([new_job("a", operation="op-2")])

    assert enqueued[:3] == ("a", True, JobState.WAITING)
    assert queue.line() == ["a"]


def test_many_jobs_leave_one_wake_token(queue: QueueProbe) -> None:
    queue.put("a", "b", "c")
    assert queue.wake_tokens() == 1


def test_the_idle_learn_of_a_delayed_job_only_when_it_is_the_next_one(
    queue: QueueProbe,
) -> None:
    queue.put("a", delay_ms=50_000)
    assert queue.take_wake_token()

    queue.put("later", delay_ms=60_000)
    assert not queue.take_wake_token()

    queue.put("sooner", delay_ms=40_000)
    assert queue.take_wake_token()


@pytest.mark.usefixtures("damaged")
@pytest.mark.parametrize("record", [b"", b"rubbish", b"v=2;w=1\n{}"])
def test_an_id_whose_record_is_damaged_is_taken_all_the_same(
    record: bytes, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    [job] = queue.active("a")
    scripts.fail([failure(job)])
    client.set(queue.keys.of("job", "a"), record)

    enqueued = scripts.enqueue([new_job("a", operation="op-2")])[0]

    assert enqueued[:3] == ("a", False, JobState.FAILED)
    assert queue.line() == []
