"""The guarding process keeps a real lease while this interpreter is kept busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared.broker.delivery import Delivery
from shared.broker.keys import QueueKeys
from shared.broker.lease_guard import LeaseGuard
from shared.broker.record import decode
from shared.broker.scripts import DONE, Scripts
from shared.jobs import options as job_options
from shared.jobs.options import JobOptions
from tests.support.queue_probe import QueueProbe, completion
from tests.support.small_child import is_alive
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from shared.broker.scripts import Claimed

#: Long enough for a guard on a busy machine to load Redis's driver in between.
LEASE_MS, SILENCE_MS = 5_000, 500.0
SHORT_MS = 1_500


@pytest.fixture
def queue(client: redis.Redis, namespace: str) -> QueueProbe:
    keys = QueueKeys(namespace, "mail")
    return QueueProbe(client, keys, Scripts(client, keys))


@pytest.fixture
def guard(redis_url: str, namespace: str) -> Iterator[LeaseGuard]:
    guard = LeaseGuard(
        redis_url, namespace=namespace, lease_ms=LEASE_MS, silence_ms=SILENCE_MS
    )
    guard.start()
    yield guard
    guard.stop()


def delivery_of(job: Claimed, timeout_ms: int = 60_000) -> Delivery:
    return Delivery(
        job_id=job.job_id,
        queue="mail",
        token=job.token,
        worker="w",
        record=decode(job.record),
        policy=job_options.resolve(JobOptions(timeout=timeout_ms)),
        attempts_made=0,
        attempts_started=1,
        stalled_counter=0,
        processed_on=0,
    )


def keep_the_interpreter(seconds: float) -> None:
    """Compute without letting another thread of this process run."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1_000)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass
    finally:
        sys.setswitchinterval(usual)


def lease_left_ms(queue: QueueProbe, job_id: str) -> float:
    return (queue.score("active", job_id) or 0.0) - queue.now_ms()


def test_a_lease_outlives_a_step_that_keeps_the_interpreter_to_itself(
    queue: QueueProbe, guard: LeaseGuard
) -> None:
    (job,) = queue.active("a", lease_ms=LEASE_MS)
    guard.note(delivery_of(job))

    keep_the_interpreter(1.2 * LEASE_MS / 1000)

    assert lease_left_ms(queue, "a") > 0
    assert queue.scripts.complete([completion(job)]) == [DONE]


def test_a_settled_job_is_forgotten(queue: QueueProbe, guard: LeaseGuard) -> None:
    (job,) = queue.active("a", lease_ms=SHORT_MS)
    delivery = delivery_of(job)
    guard.note(delivery)
    guard.forget(delivery)
    guard.forget(delivery)

    keep_the_interpreter(1.2 * SHORT_MS / 1000)

    assert lease_left_ms(queue, "a") < 0


def test_the_guard_ends_when_it_is_told_and_is_small(guard: LeaseGuard) -> None:
    pid = guard.pid
    assert pid is not None
    page_bytes = os.sysconf("SC_PAGE_SIZE")

    def started() -> bool:
        # It has read its order when it waits for the end of its input.
        return Path(f"/proc/{pid}/wchan").exists() and resident() > 2**20

    def resident() -> int:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page_bytes

    wait_for(started, what="the guard has started")
    assert resident() < 40 * 2**20
    guard.stop()
    assert not is_alive(pid)
    assert guard.pid is None
    guard.stop()


def test_the_guard_ends_when_its_worker_is_gone(redis_url: str, namespace: str) -> None:
    program = (
        "import sys, time\n"
        "from shared.broker.lease_guard import LeaseGuard\n"
        "guard = LeaseGuard(sys.argv[1], namespace=sys.argv[2], lease_ms=1000)\n"
        "guard.start()\n"
        "print(guard.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, redis_url, namespace],
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        assert is_alive(pid)

        worker.kill()
        wait_for(lambda: not is_alive(pid), what="the guard is gone")
