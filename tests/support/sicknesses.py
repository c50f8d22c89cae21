"""What can go wrong with the whole system, each made happen and healed again.

A sickness begins when its block is entered and is healed when the block ends. `ALL`
says which alerts each must raise; it may raise others as well.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis

from shared.jobs.states import JobState
from shared.storage.storage import Storage
from tests.support.faulty_smtp import CLOSE, FaultySmtp
from tests.support.monitored_stack import NAMESPACE, SPARE_BYTES
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.support.monitored_stack import MonitoredStack

_LONG = {"steps": 100, "stepMs": 1_000}


@contextmanager
def workers_are_killed(stack: MonitoredStack) -> Iterator[None]:
    """No worker is left, and work comes in: first some that is in their hands."""
    held = [stack.jobs.add("echo", {"msg": "held", **_LONG}) for _ in range(2)]
    for job in held:
        stack.jobs.wait(job, state=JobState.ACTIVE)
    for worker in stack.workers:
        worker.kill()
    with _pouring(stack, 30):
        yield
    for worker in stack.workers:
        worker.start()
    _drain(stack)


@contextmanager
def a_job_kills_its_workers(stack: MonitoredStack) -> Iterator[None]:
    """Whatever worker takes the job is gone with it, three times."""
    poison = stack.jobs.add("echo", {"msg": "poison", **_LONG})
    for lost in range(1, 4):

        def began(lost: int = lost) -> bool:
            found = stack.jobs.find(poison.queue, poison.id)
            return found.attempts_started >= lost and found.state is JobState.ACTIVE

        wait_for(began, within_s=60, what=f"run {lost} of the poison")
        if lost > 1:
            # The worker that took it back has counted so: that must be seen first.
            wait_for(
                lambda: stack.prometheus.query(
                    'sum(nightshift_jobs_recovered_total{outcome="waiting"}) > 0'
                ),
                within_s=60,
                what="the recovery is counted",
            )
        for worker in stack.workers:
            worker.kill()
        for worker in stack.workers:
            worker.start()
    yield


@contextmanager
def a_worker_stands_still(stack: MonitoredStack) -> Iterator[None]:
    """A worker that keeps still for longer than its leases hold, then goes on."""
    frozen, *others = stack.workers
    for other in others:
        other.stop()
    job = stack.jobs.add("echo", {"msg": "twice", "steps": 20, "stepMs": 1_000})
    stack.jobs.wait(job, state=JobState.ACTIVE)
    frozen.freeze()
    for other in others:
        other.start()
    stack.jobs.wait_until(job, lambda found: found.attempts_started == 2, within_s=60)
    frozen.thaw()
    yield
    _drain(stack)


@contextmanager
def every_thread_is_busy(stack: MonitoredStack) -> Iterator[None]:
    """Runs that do not end hold all threads, and others wait."""
    for _ in range(16):
        stack.jobs.add("echo", {"msg": "long", **_LONG})
    yield
    _cancel_all(stack)


@contextmanager
def a_queue_is_held_up(stack: MonitoredStack) -> Iterator[None]:
    """It was paused for longer than jobs may wait, and goes on."""
    assert stack.patch("/api/v1/queues/demo", {"paused": True}) == 200
    for _ in range(60):
        stack.jobs.add("echo", {"msg": "late", "steps": 0})
    wait_for(
        lambda: stack.jobs.inspector.oldest_waiting_age_s("demo") > 6,
        within_s=60,
        what="jobs wait too long",
    )
    assert stack.patch("/api/v1/queues/demo", {"paused": False}) == 200
    yield


@contextmanager
def mail_server_is_broken(stack: MonitoredStack) -> Iterator[None]:
    """It hangs up on everybody; mails fail for good."""
    usual = stack.mail_link.target
    with FaultySmtp(greeting=CLOSE) as broken:
        stack.mail_link.target = ("127.0.0.1", broken.port)
        for number in range(80):
            stack.jobs.add("send-email", _mail(number), attempts=1)
        yield
    stack.mail_link.target = usual


@contextmanager
def a_task_is_retried_all_the_time(stack: MonitoredStack) -> Iterator[None]:
    """Attempts fail at once and come back at once."""
    with _everybody_silent(stack):
        for number in range(20):
            stack.jobs.add(
                "maybe-fail",
                {"msg": str(number), "fail": 100},
                attempts=90,
                backoff={"type": "fixed", "delay": 300},
            )
        yield
    _cancel_all(stack)


@contextmanager
def mails_eat_the_memory(stack: MonitoredStack) -> Iterator[None]:
    """Large mails pile up in the workers, since the mail server does not answer."""
    storage = Storage(stack.storage, max_bytes=2**25)
    files = [
        storage.put(bytes(2**24), name=f"{n}.bin", content_type="application/x-test")
        for n in range(2)
    ]
    stack.mail_link.freeze()
    for number in range(8):
        enclosed = {"attachments": [files[number % 2].id]}
        stack.jobs.add("send-email", {**_mail(number), **enclosed}, attempts=1)
    yield
    _cancel_all(stack)
    stack.mail_link.thaw()
    stack.mail_link.reset()
    # As the runbook says: what was taken is not given back otherwise.
    for worker in stack.workers:
        worker.stop()
        worker.start()


@contextmanager
def the_disk_of_the_files_fills(stack: MonitoredStack) -> Iterator[None]:
    """Somebody takes the room that is left."""
    path = stack.storage / "filler"
    with path.open("wb") as file:
        for _ in range(2 * SPARE_BYTES // 2**20):
            file.write(bytes(2**20))
    yield
    path.unlink()


@contextmanager
def the_scheduler_is_stopped(stack: MonitoredStack) -> Iterator[None]:
    """Nobody fires schedules."""
    stack.scheduler.stop()
    yield
    stack.scheduler.start()


@contextmanager
def the_scheduler_hears_nothing(stack: MonitoredStack) -> Iterator[None]:
    """Its connections to Redis stay open, and silent; slots pass meanwhile."""
    definition = {
        "every": 1_000,
        "grace": 500,
        "misfire": "skip",
        "template": {"name": "echo", "data": {"msg": "x", "steps": 0}},
    }
    assert stack.put("/api/v1/schedules/strict", definition) in {200, 201}
    wait_for(
        lambda: stack.prometheus.query(
            'nightshift_schedule_enqueued_total{schedule="others"} > 0'
        ),
        within_s=30,
        what="the strict schedule fires",
    )
    stack.scheduler_link.freeze()
    yield
    stack.scheduler_link.thaw()
    stack.scheduler_link.reset()


@contextmanager
def strict_slots_pass(stack: MonitoredStack) -> Iterator[None]:
    """The same, and the scheduler hears again: it finds slots that are too late."""
    with the_scheduler_hears_nothing(stack):
        wait_for(
            lambda: stack.prometheus.query(
                "time() - max(nightshift_scheduler_last_tick_timestamp_seconds) > 5"
            ),
            within_s=60,
            what="slots pass",
        )
    yield
    assert stack.delete("/api/v1/schedules/strict") == 204


@contextmanager
def two_schedulers_lead(stack: MonitoredStack) -> Iterator[None]:
    """A second scheduler was started with another namespace, so another lease."""
    with stack.second_scheduler:
        yield


@contextmanager
def the_api_is_killed(stack: MonitoredStack) -> Iterator[None]:
    """Nobody takes jobs, and nobody tells how the queues are."""
    stack.api.kill()
    yield
    stack.api.start()


@contextmanager
def redis_answers_slowly(stack: MonitoredStack) -> Iterator[None]:
    """Every answer to the api takes most of a second more."""
    stack.api_link.delay_s = 0.6
    yield
    stack.api_link.delay_s = 0.0


@contextmanager
def redis_is_killed(stack: MonitoredStack) -> Iterator[None]:
    """The server is gone; its data comes back from the disk."""
    stack.redis.kill()
    yield
    stack.redis.start()
    wait_for(lambda: stack.get("/readyz") == 200, within_s=30, what="the api is ready")


@contextmanager
def redis_is_full(stack: MonitoredStack) -> Iterator[None]:
    """Somebody else's keys fill it: the api refuses jobs with 503."""
    pieces = _fill(stack.client)
    yield
    for piece in pieces:
        stack.client.delete(piece)


@contextmanager
def redis_evicts(stack: MonitoredStack) -> Iterator[None]:
    """It was told to throw keys away rather than refuse writes."""
    stack.client.config_set("maxmemory-policy", "volatile-lru")
    pieces = _fill(stack.client, expires_s=3_600, pieces=80)
    yield
    for piece in pieces:
        stack.client.delete(piece)
    stack.client.config_set("maxmemory-policy", "noeviction")


@contextmanager
def redis_can_not_write_a_snapshot(stack: MonitoredStack) -> Iterator[None]:
    """A folder stands where the snapshot should be."""
    place = stack.redis.folder / "dump.rdb"
    place.unlink(missing_ok=True)
    place.mkdir()
    _snapshot(stack.client)
    yield
    place.rmdir()
    _snapshot(stack.client)


@contextmanager
def redis_takes_no_more_clients(stack: MonitoredStack) -> Iterator[None]:
    """It has as many as it may have, and more want to come."""
    usual = stack.client.config_get("maxclients")["maxclients"]
    connected = stack.client.info("clients")["connected_clients"]
    stack.client.config_set("maxclients", connected + 5)
    path = stack.redis.url.removeprefix("unix://")
    with contextlib.ExitStack() as open_ones:
        for _ in range(10):
            caller = open_ones.enter_context(socket.socket(socket.AF_UNIX))
            caller.connect(path)
            with contextlib.suppress(OSError):
                caller.sendall(b"PING\r\n")
                caller.recv(100)
    stack.client.config_set("maxclients", usual)
    yield


ALL: dict[Callable[[MonitoredStack], AbstractContextManager[None]], tuple[str, ...]] = {
    workers_are_killed: (
        "JobsNoWorkers",
        "JobsWorkerDown",
        "JobsQueueStalled",
        "JobsQueueOldestTooOld",
        "JobsQueueGrowing",
    ),
    a_job_kills_its_workers: ("JobsRecovered", "JobsPoison"),
    a_worker_stands_still: ("JobsLeasesLost",),
    every_thread_is_busy: (
        "JobsWorkersSaturated",
        "JobsStuckRunning",
    ),
    a_queue_is_held_up: (
        "JobsStartLatencyBudgetBurn",
        "JobsEndToEndBudgetBurn",
    ),
    mail_server_is_broken: (
        "JobsDeadLettersAppearing",
        "JobsTaskFailing",
        "JobsErrorBudgetBurn",
    ),
    a_task_is_retried_all_the_time: ("JobsRetryStorm",),
    mails_eat_the_memory: ("JobsWorkerMemoryHigh",),
    the_disk_of_the_files_fills: ("JobsStorageAlmostFull",),
    the_scheduler_is_stopped: ("JobsSchedulerDown",),
    the_scheduler_hears_nothing: (
        "JobsSchedulerNoLeader",
        "JobsSchedulerBehind",
        "JobsScheduleMissed",
    ),
    strict_slots_pass: ("JobsScheduleSlotsSkipped",),
    two_schedulers_lead: ("JobsSchedulerDuplicated",),
    the_api_is_killed: ("JobsApiDown", "JobsQueueGaugesMissing"),
    redis_answers_slowly: ("JobsRedisSlow", "JobsApiSlow"),
    redis_is_killed: ("JobsRedisDown",),
    redis_is_full: ("JobsRedisMemoryHigh", "JobsApiErrors"),
    redis_evicts: ("JobsRedisEvicting",),
    redis_can_not_write_a_snapshot: ("JobsRedisPersistenceFailing",),
    redis_takes_no_more_clients: ("JobsRedisRejectedConnections",),
}


def _mail(number: int) -> dict[str, object]:
    return {
        "to": [f"reader-{number}@example.com"],
        "subject": "Hello",
        "template": "welcome",
        "context": {"name": "Ada", "link": "https://example.com/"},
    }


@contextmanager
def _pouring(stack: MonitoredStack, per_second: int) -> Iterator[None]:
    """Add jobs all the while."""
    stopping = threading.Event()

    def pour() -> None:
        while not stopping.wait(1 / per_second):
            stack.jobs.add("echo", {"msg": "x", "steps": 0})

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@contextmanager
def _everybody_silent(stack: MonitoredStack) -> Iterator[None]:
    """Let applications be quiet, or their jobs would outnumber the retries."""
    stack.traffic_flows.clear()
    try:
        yield
    finally:
        stack.traffic_flows.set()


def _drain(stack: MonitoredStack) -> None:
    wait_for(
        lambda: stack.jobs.inspector.counts("demo")[JobState.WAITING] == 0,
        within_s=120,
        what="the line is empty",
    )
    _cancel_all(stack)


def _cancel_all(stack: MonitoredStack) -> None:
    for queue in ("demo", "email"):
        for state in (JobState.DELAYED, JobState.WAITING, JobState.ACTIVE):
            page = stack.jobs.inspector.page(queue, state, limit=200)
            for job in page.jobs:
                stack.post(f"/api/v1/jobs/{queue}/{job.id}/cancel", {})


def _fill(
    client: redis.Redis, *, expires_s: int | None = None, pieces: int = 64
) -> list[str]:
    names = []
    for number in range(pieces):
        name = f"{NAMESPACE}-filler:{number}"
        try:
            client.set(name, bytes(2**20), ex=expires_s)
        except redis.exceptions.OutOfMemoryError:
            break
        names.append(name)
    return names


def _snapshot(client: redis.Redis) -> None:
    client.bgsave()
    wait_for(
        lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0,
        within_s=30,
        what="the snapshot has ended",
    )
