"""Very many schedules: those that are due are on time, the others cost nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.keys import QueueKeys
from shared.schedules.timetable import offset_of
from tests.support.schedules import House
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ROOT = Path(__file__).parents[2]
MINUTE = 60_000
MANY, VERY_MANY = 10_000, 100_000

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def scheduler(redis_url: str, namespace: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "NIGHTSHIFT_NAMESPACE": namespace,
        "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
        "NIGHTSHIFT_HEALTH_PORT": "0",
        "NIGHTSHIFT_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.scheduler"], cwd=ROOT, env=environment
    )
    yield process
    process.kill()
    process.wait()


def put_many(house: House, count: int, *, slot_ms: int, **changes: Any) -> None:
    """Store copies of one schedule, as so many calls of the API would.

    `slot_ms` is the first slot of all; a jitter puts each off by its own share.
    """
    jitter_ms = changes.get("jitter", 0)
    house.put("model", **changes)
    fields: Any = house.client.hgetall(house.keys.schedule("model"))
    fields[b"cursor"] = str(slot_ms - 1)
    names = [f"owl-{n}" for n in range(count)]
    for start in range(0, count, 1_000):
        pipeline = house.client.pipeline(transaction=False)
        for name in names[start : start + 1_000]:
            pipeline.hset(house.keys.schedule(name), mapping=fields)
            pipeline.zadd(house.keys.ids, {name: 0})
            pipeline.zadd(
                house.keys.due, {name: slot_ms + offset_of(name, jitter_ms=jitter_ms)}
            )
        pipeline.execute()
    house.book.remove("model")


def lateness(house: House, count: int) -> list[int]:
    """Return how late each schedule's first slot was, ascending."""
    found: list[int] = []
    for start in range(0, count, 1_000):
        pipeline = house.client.pipeline(transaction=False)
        for number in range(start, start + 1_000):
            pipeline.xrange(house.keys.ledger(f"owl-{number}"), count=1)
        found += [int(lines[0][1][b"latenessMs"]) for lines in pipeline.execute()]
    return sorted(found)


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_ten_thousand_slots_within_a_minute_are_on_time(
    house: House, scheduler: subprocess.Popen[bytes]
) -> None:
    # Each has its own share of a jitter of a minute.
    slot_ms = (house.now_ms() + 10_000) // MINUTE * MINUTE + MINUTE
    put_many(house, MANY, slot_ms=slot_ms, every=MINUTE, jitter=MINUTE)
    wait_for(
        lambda: (
            (house.client.zcard(QueueKeys(house.namespace, "demo").one("waiting")))
            >= MANY
        ),
        within_s=200,
    )
    assert scheduler.poll() is None

    late = lateness(house, MANY)
    p99 = late[int(len(late) * 0.99)]
    print(f"p50 {late[MANY // 2]} ms, p99 {p99} ms, latest {late[-1]} ms")  # noqa: T201
    assert p99 <= 100


def test_a_hundred_thousand_stored_schedules_cost_an_idle_scheduler_nothing(
    house: House, scheduler: subprocess.Popen[bytes]
) -> None:
    put_many(house, VERY_MANY, slot_ms=house.now_ms() + 3_600_000, pattern="0 0 1 1 *")
    wait_for(lambda: house.client.exists(house.keys.leader))
    before, began = cpu_s(scheduler), time.monotonic()
    wait_for(lambda: time.monotonic() - began > 20, within_s=30)

    share = (cpu_s(scheduler) - before) / (time.monotonic() - began)
    print(f"{share:.2%} of one processor")  # noqa: T201
    assert share < 0.02
