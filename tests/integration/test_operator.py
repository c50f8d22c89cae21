from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.inspector import Inspector
from shared.broker.operator import Answer, Limits, Operator
from shared.broker.producer import Producer, Request
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.in_process_worker import (
    Answer as Result,
)
from tests.support.in_process_worker import (
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


class Desk:
    """A worker with one task, and everything that people do with its jobs."""

    def __init__(
        self, redis_url: str, namespace: str, folder: Path, client: redis.Redis
    ) -> None:
        self._place = (redis_url, namespace, folder)
        self.contract = contract("task")
        catalogue = {"task": self.contract}
        self.producer = Producer(client, namespace=namespace)
        self.inspector = Inspector(client, namespace=namespace, catalogue=catalogue)
        self.operator = Operator(client, namespace=namespace, catalogue=catalogue)

    def broker(self, task: Callable[[Anything, JobContext], Result]) -> Any:
        return built_broker(*self._place, {self.contract: task})

    def add(self, text: str = "", **options: Any) -> str:
        return self.producer.enqueue(self.request(text, **options)).job_id

    def request(self, text: str = "", **options: Any) -> Request:
        return Request(
            "test", "task", Anything(text=text).dump(), JobOptions(**options)
        )

    def job(self, job_id: str) -> Job:
        job = self.inspector.job("test", job_id)
        assert job is not None
        return job

    def wait(self, job_id: str, state: str, *, within_s: float = 10) -> Job:
        wait_for(
            lambda: self.job(job_id).state == state,
            within_s=within_s,
            what=f"{job_id} {state}",
        )
        return self.job(job_id)


@pytest.fixture
def desk(redis_url: str, namespace: str, tmp_path: Path, client: redis.Redis) -> Desk:
    return Desk(redis_url, namespace, tmp_path, client)


def test_cancels_what_waits_at_once(desk: Desk) -> None:
    waiting, delayed = desk.add(), desk.add(delay=60_000)

    answers = desk.operator.cancel("test", [waiting, delayed, "ghost"])

    assert answers == {
        waiting: Answer.DONE,
        delayed: Answer.DONE,
        "ghost": Answer.MISSING,
    }
    assert desk.inspector.counts("test")[JobState.CANCELLED] == 2


def test_cancels_a_running_job_that_looks_whether_it_should_stop(desk: Desk) -> None:
    def task(data: Anything, context: JobContext) -> Result:
        while not context.cancelled:
            time.sleep(0.01)
        message = "stopped"
        raise RuntimeError(message)

    with desk.broker(task) as broker, running_worker(broker):
        job_id = desk.add()
        desk.wait(job_id, "active")

        assert desk.operator.cancel("test", [job_id]) == {job_id: Answer.PENDING}
        job = desk.wait(job_id, "cancelled", within_s=2)

    assert [attempt.outcome for attempt in job.attempts] == ["cancelled"]
    assert job.attempts_made == 0


def test_interrupts_a_running_job_that_does_not_look(desk: Desk) -> None:
    def task(data: Anything, context: JobContext) -> Result:
        while True:
            time.sleep(0.01)

    with desk.broker(task) as broker, running_worker(broker):
        job_id = desk.add()
        desk.wait(job_id, "active")
        desk.operator.cancel("test", [job_id])

        desk.wait(job_id, "cancelled", within_s=4)


def test_takes_a_job_from_a_thread_that_hears_nothing(desk: Desk) -> None:
    gate = threading.Event()

    def task(data: Anything, context: JobContext) -> Result:
        gate.wait(60)
        return Result()

    with desk.broker(task) as broker, running_worker(broker):
        job_id = desk.add()
        desk.wait(job_id, "active")
        desk.operator.cancel("test", [job_id])

        # Six seconds by the keeper's rules; a busy machine's keeper comes late.
        job = desk.wait(job_id, "cancelled", within_s=30)
        gate.set()

    assert desk.job(job_id).finished_on == job.finished_on


def test_a_failed_job_runs_again_with_all_its_attempts(desk: Desk) -> None:
    fails = threading.Event()
    fails.set()

    def task(data: Anything, context: JobContext) -> Result:
        if fails.is_set():
            message = "not today"
            raise RuntimeError(message)
        return Result()

    with desk.broker(task) as broker, running_worker(broker):
        job_id = desk.add(attempts=1)
        desk.wait(job_id, "failed")
        fails.clear()

        assert desk.operator.rerun("test", [job_id]) == {job_id: Answer.DONE}
        job = desk.wait(job_id, "completed")

    assert job.attempts_made == 1
    assert [attempt.outcome for attempt in job.attempts] == ["failed"]


def test_promotes_and_removes(desk: Desk) -> None:
    far, other = desk.add(delay=60_000), desk.add(delay=60_000)

    assert desk.operator.promote("test", [far]) == {far: Answer.DONE}
    assert desk.operator.promote("test", [far]) == {far: Answer.WRONG_STATE}
    assert desk.operator.remove("test", [other]) == {other: Answer.DONE}

    assert desk.job(far).state == "waiting"
    assert desk.inspector.job("test", other) is None


def test_a_paused_queue_rests_and_goes_on_at_once_when_resumed(desk: Desk) -> None:
    with desk.broker(lambda data, context: Result()) as broker:
        desk.operator.pause("test")
        job_id = desk.add()
        with running_worker(broker):
            wait_for(broker.consumed_queues)
            probe = desk.add(delay=300)
            time.sleep(0.5)  # long enough for a claim, had it not been paused
            assert desk.job(job_id).state == "waiting"
            assert desk.inspector.stats("test").is_paused

            desk.operator.resume("test")
            desk.wait(job_id, "completed", within_s=1)
            desk.wait(probe, "completed")


def test_a_queue_runs_no_more_at_once_than_its_concurrency(desk: Desk) -> None:
    running = most = 0
    lock = threading.Lock()

    def task(data: Anything, context: JobContext) -> Result:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.03)
        with lock:
            running -= 1
        return Result()

    desk.operator.set_limits("test", Limits(concurrency=2))
    with desk.broker(task) as broker:
        ids = [desk.add() for _ in range(20)]
        with running_worker(broker, threads=8):
            for job_id in ids:
                desk.wait(job_id, "completed")

    assert most == 2


def test_a_queue_starts_no_more_in_a_time_than_its_rate(desk: Desk) -> None:
    desk.operator.set_limits("test", Limits(rate_max=5, rate_ms=300))
    with desk.broker(lambda data, context: Result()) as broker:
        ids = [desk.add() for _ in range(15)]
        with running_worker(broker, threads=8):
            starts = [desk.wait(i, "completed").processed_on or 0 for i in ids]

    starts.sort()
    assert starts[5] - starts[0] >= 295
    assert starts[10] - starts[5] >= 295
    assert starts[14] - starts[0] < 3000


def test_a_short_group_does_not_wait_for_a_long_one(desk: Desk) -> None:
    order: list[str] = []

    def task(data: Anything, context: JobContext) -> Result:
        order.append(data.text)
        return Result()

    with desk.broker(task) as broker:
        for _ in range(100):
            desk.add("big", group="big")
        small = desk.add("small", group="small")
        with running_worker(broker, threads=1):
            desk.wait(small, "completed")

    assert order.index("small") <= 2


def test_a_group_runs_no_more_at_once_than_its_limit(desk: Desk) -> None:
    lock, running, most = threading.Lock(), {"a": 0, "b": 0}, {"a": 0, "b": 0}

    def task(data: Anything, context: JobContext) -> Result:
        with lock:
            running[data.text] += 1
            most[data.text] = max(most[data.text], running[data.text])
        time.sleep(0.05)
        with lock:
            running[data.text] -= 1
        return Result()

    desk.operator.set_limits("test", Limits(concurrency=1), group="*")
    desk.operator.set_limits("test", Limits(concurrency=3), group="b")
    with desk.broker(task) as broker:
        ids = [desk.add(name, group=name) for _ in range(8) for name in ("a", "b")]
        with running_worker(broker, threads=8):
            for job_id in ids:
                desk.wait(job_id, "completed")

    assert most["a"] == 1
    assert 2 <= most["b"] <= 3


def test_a_job_that_does_not_start_in_time_fails_as_expired(desk: Desk) -> None:
    with desk.broker(lambda data, context: Result()) as broker:
        desk.operator.pause("test")
        late = desk.add(expires_in=100)
        with running_worker(broker):
            job = desk.wait(late, "failed", within_s=8)

    assert job.failure_kind == "expired"
    assert job.attempts_made == 0


def test_many_jobs_are_created_with_one_answer_each(desk: Desk) -> None:
    requests = [desk.request(str(number)) for number in range(600)]
    requests[7] = Request("no queue!", "task", b"{}", JobOptions())
    requests[9] = desk.request("same", job_id="own")
    requests[11] = desk.request("same", job_id="own")

    answers = desk.producer.enqueue_many(requests)

    assert isinstance(answers[7], Exception)
    assert answers[9].created
    assert not answers[11].created
    assert answers[11].job_id == "own"
    assert desk.inspector.counts("test")[JobState.WAITING] == 598


def test_pages_show_every_job_once_and_in_order(desk: Desk) -> None:
    ids = [desk.add(group="g" if n % 5 == 0 else None) for n in range(130)]

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = desk.inspector.page("test", JobState.WAITING, cursor=cursor, limit=40)
        seen += [job.id for job in page.jobs]
        cursor = page.next_cursor

    loose = [job_id for n, job_id in enumerate(ids) if n % 5]
    assert seen == loose + [job_id for n, job_id in enumerate(ids) if n % 5 == 0]


def test_of_jobs_with_one_deduplication_id_the_first_stands_for_all(
    desk: Desk,
) -> None:
    same = {"deduplication": {"id": "report"}}
    first = desk.producer.enqueue(desk.request("1", **same))
    second = desk.producer.enqueue(desk.request("2", **same))
    assert second.job_id == first.job_id
    assert second.is_duplicate
    assert not second.created

    with desk.broker(lambda data, context: Result()) as broker, running_worker(broker):
        desk.wait(first.job_id, "completed")
        third = desk.producer.enqueue(desk.request("3", **same))
    assert third.created


def test_the_last_job_that_came_while_the_first_ran_follows_it(desk: Desk) -> None:
    gate, ran = threading.Event(), []

    def task(data: Anything, context: JobContext) -> Result:
        ran.append(data.text)
        if data.text == "1":
            gate.wait(10)
        return Result()

    keep = {"deduplication": {"id": "sync", "keep_last_if_active": True}}
    with desk.broker(task) as broker, running_worker(broker):
        first = desk.add("1", **keep)
        desk.wait(first, "active")
        desk.add("2", **keep)
        desk.add("3", **keep)
        gate.set()
        wait_for(lambda: len(ran) == 2)

    assert ran == ["1", "3"]


def test_workers_say_that_they_are_there_and_what_they_do(desk: Desk) -> None:
    gate = threading.Event()

    def task(data: Anything, context: JobContext) -> Result:
        gate.wait(15)
        return Result()

    with desk.broker(task) as broker:
        with running_worker(broker, threads=3):
            job_id = desk.add()
            desk.wait(job_id, "active")

            def busy() -> bool:
                found = desk.inspector.workers()
                return bool(found) and f"test/{job_id}" in found[0].running

            wait_for(busy, within_s=12)
            [worker] = desk.inspector.workers()
            gate.set()
        assert worker.name == broker.worker_name
        assert worker.threads == 3
        assert worker.queues == ("test",)
        assert desk.inspector.workers() == []
