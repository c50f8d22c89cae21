from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest

from shared.broker.inspector import Inspector
from shared.broker.producer import Producer, Request
from shared.errors import RetryLaterError, UnrecoverableError
from shared.jobs.options import JobOptions
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import redis

    from services.worker.context import JobContext
    from shared.jobs.job import Job


class Bench:
    """One worker with one task, and a look at its jobs."""

    def __init__(
        self, redis_url: str, namespace: str, folder: Path, client: redis.Redis
    ) -> None:
        self._place = (redis_url, namespace, folder)
        self._namespace = namespace
        self._client = client
        self.producer = Producer(client, namespace=namespace)
        self.inspector = Inspector(client, namespace=namespace, catalogue={})

    def run(
        self, task: Callable[[Anything, JobContext], Answer], **defaults: Any
    ) -> Any:
        self.contract = contract("task", **defaults)
        return built_broker(*self._place, {self.contract: task})

    def add(self, data: Anything | None = None, **options: Any) -> str:
        document = (data or Anything()).dump()
        request = Request(
            "test", "task", document, JobOptions(**options), self.contract.defaults
        )
        return self.producer.enqueue(request).job_id

    def ended(self, job_id: str, *, within_s: float = 10) -> Job:
        def look() -> Job | None:
            job = self.inspector.job("test", job_id)
            return job if job and job.state.is_final else None

        job = wait_for(look, within_s=within_s, what=f"{job_id} ended")
        assert job is not None
        return job


@pytest.fixture
def bench(redis_url: str, namespace: str, tmp_path: Path, client: redis.Redis) -> Bench:
    return Bench(redis_url, namespace, tmp_path, client)


def test_runs_a_job_and_keeps_what_it_returned(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        context.progress(50)
        context.log("half way")
        return Answer(text=data.text.upper())

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(Anything(text="hello")))

    assert job.state == "completed"
    assert job.returnvalue == b'{"text":"HELLO"}'
    assert job.progress == b"50"
    assert job.attempts_made == job.attempts_started == 1
    assert bench.inspector.logs("test", job.id) == ["half way"]


def test_retries_with_growing_delays_and_keeps_the_history(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        if context.attempt <= data.number:
            message = f"attempt {context.attempt} of {context.attempts}"
            raise RuntimeError(message)
        return Answer()

    with bench.run(task) as broker, running_worker(broker):
        backoff = {"type": "exponential", "delay": 50, "jitter": 0.0}
        job = bench.ended(bench.add(Anything(number=2), attempts=5, backoff=backoff))

    assert job.state == "completed"
    assert job.attempts_made == 3
    assert job.failed_reason is None
    assert [attempt.outcome for attempt in job.attempts] == ["retried", "retried"]
    assert job.attempts[0].error == "RuntimeError: attempt 1 of 5"
    first, second = job.attempts
    assert second.started - first.finished >= 50
    assert (job.processed_on or 0) - second.finished >= 100


def test_a_task_that_did_not_get_to_its_work_uses_no_attempt(bench: Bench) -> None:
    turns = iter(range(3))

    def task(data: Anything, context: JobContext) -> Answer:
        if next(turns) < 2:
            message = "It is not my turn."
            raise RetryLaterError(message, delay_ms=20, uses_attempt=False)
        return Answer(text=str(context.attempt))

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(attempts=1))

    assert job.state == "completed"
    assert (job.attempts_made, job.attempts_started) == (1, 3)
    assert job.returnvalue == b'{"text":"1"}'
    assert [attempt.outcome for attempt in job.attempts] == ["released", "released"]
    assert {attempt.error for attempt in job.attempts} == {"It is not my turn."}


def test_fails_when_the_attempts_are_used_up(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        message = "no luck"
        raise ValueError(message)

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(attempts=2))

    assert job.state == "failed"
    assert job.failed_reason == "ValueError: no luck"
    assert job.failure_kind == "error"
    assert "raise ValueError(message)" in job.stacktrace
    assert job.attempts_made == 2
    assert [attempt.outcome for attempt in job.attempts] == ["retried", "failed"]


def test_an_unrecoverable_error_is_not_retried(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        message = "The address does not exist."
        raise UnrecoverableError(message)

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(attempts=9))

    assert job.attempts_made == 1
    assert job.failed_reason == "The address does not exist."


def test_a_task_may_say_when_to_come_back(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        if context.attempt == 1:
            message = "busy"
            raise RetryLaterError(message, delay_ms=200)
        return Answer()

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(attempts=2))

    assert (job.processed_on or 0) - job.attempts[0].finished >= 200


def test_the_time_limit_interrupts_and_counts_as_a_failure(bench: Bench) -> None:
    def task(data: Anything, context: JobContext) -> Answer:
        while True:
            time.sleep(0.01)

    with bench.run(task) as broker, running_worker(broker):
        job = bench.ended(bench.add(attempts=1, timeout=200))

    assert job.failure_kind == "timeout"
    assert job.failed_reason == "It ran longer than its limit of 0.2 s."


def test_data_that_breaks_the_contract_fails_with_its_pointer(bench: Bench) -> None:
    with (
        bench.run(lambda data, context: Answer()) as broker,
        running_worker(broker),
    ):
        request = Request("test", "task", b'{"number":"x"}', JobOptions())
        job = bench.ended(bench.producer.enqueue(request).job_id)

    assert job.state == "failed"
    assert job.failure_kind == "invalid"
    assert job.failed_reason == "/data/number: input should be a valid integer"


def test_a_delayed_job_starts_on_time(bench: Bench) -> None:
    with (
        bench.run(lambda data, context: Answer()) as broker,
        running_worker(broker),
    ):
        job = bench.ended(bench.add(delay=700))

    lateness_ms = (job.processed_on or 0) - job.timestamp - 700
    assert 0 <= lateness_ms <= 100


def test_a_damaged_record_fails_alone(
    bench: Bench, client: redis.Redis, namespace: str
) -> None:
    with bench.run(lambda data, context: Answer()) as broker:
        ids = [bench.add() for _ in range(5)]
        client.set(f"{namespace}:{{test}}:job:{ids[2]}", b"v=9;garbage\xff")
        with running_worker(broker):
            ends = [bench.ended(job_id) for job_id in ids]

    assert [job.state.value for job in ends].count("completed") == 4
    assert ends[2].state == "failed"
    assert ends[2].failure_kind == "invalid"


def test_a_job_of_an_unknown_task_waits_for_a_worker_that_knows_it(
    bench: Bench,
) -> None:
    with bench.run(lambda data, context: Answer()) as broker:
        request = Request("test", "of-tomorrow", b"{}", JobOptions())
        job_id = bench.producer.enqueue(request).job_id
        known = bench.add()
        with running_worker(broker):
            bench.ended(known)
            wait_for(lambda: bench.inspector.job("test", job_id).due)

    job = bench.inspector.job("test", job_id)
    assert job is not None
    assert job.state == "delayed"
    assert job.attempts_started == job.attempts_made == 0


def test_more_important_jobs_run_first(bench: Bench) -> None:
    order: list[str] = []

    def task(data: Anything, context: JobContext) -> Answer:
        order.append(data.text)
        return Answer()

    with bench.run(task) as broker:
        for text, priority in (("last", 9), ("first", 1), ("second", 2)):
            job_id = bench.add(Anything(text=text), priority=priority)
        last = bench.add(Anything(text="end"), priority=10)
        with running_worker(broker, threads=1):
            bench.ended(last)

    assert job_id
    assert order == ["first", "second", "last", "end"]


def test_a_long_job_does_not_sit_on_its_quick_neighbours(bench: Bench) -> None:
    gate = threading.Event()

    def task(data: Anything, context: JobContext) -> Answer:
        if data.text == "long":
            gate.wait(10)
        return Answer()

    with bench.run(task) as broker:
        quick = [bench.add() for _ in range(200)]
        with running_worker(broker, threads=2):
            for job_id in quick:
                bench.ended(job_id)
            # Now that jobs are known to be quick, long ones come in between.
            long_ones = [bench.add(Anything(text="long")) for _ in range(2)]
            more = [bench.add() for _ in range(50)]
            wait_for(
                lambda: bench.inspector.stats("test").counts["active"] == 2,
                what="jobs claimed ahead are handed back",
            )
            untouched = bench.inspector.job("test", more[-1])
            gate.set()
            for job_id in (*long_ones, *more):
                bench.ended(job_id)

    assert untouched is not None
    assert untouched.state == "waiting"
    assert bench.inspector.job("test", more[-1]).attempts_started == 1


def test_every_job_of_a_backlog_runs_once(bench: Bench) -> None:
    ran: list[int] = []

    def task(data: Anything, context: JobContext) -> Answer:
        ran.append(data.number)
        return Answer()

    with bench.run(task) as broker:
        ids = [bench.add(Anything(number=number)) for number in range(500)]
        with running_worker(broker, threads=8):
            for job_id in ids:
                bench.ended(job_id)

    assert sorted(ran) == list(range(500))
    assert bench.inspector.stats("test").counts["completed"] == 500


def test_plain_dramatiq_actors_run_and_retry(bench: Bench) -> None:
    calls: list[str] = []
    done = threading.Event()

    with bench.run(lambda data, context: Answer()) as broker:

        @dramatiq.actor(broker=broker, queue_name="plain", min_backoff=10)
        def shout(word: str, *, mark: str = "!") -> None:
            calls.append(word + mark)
            if len(calls) == 1:
                message = "the first call fails"
                raise RuntimeError(message)
            done.set()

        with running_worker(broker):
            message = shout.send_with_options(args=("hey",), kwargs={"mark": "?"})
            assert done.wait(10)
            broker.join("plain", timeout=5000)

    assert calls == ["hey?", "hey?"]
    job = bench.inspector.job("plain", message.message_id)
    assert job is not None
    assert job.state == "completed"
    assert job.attempts_made == 2
