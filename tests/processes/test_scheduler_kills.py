"""Schedulers that are killed and restarted at random fire each slot once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.keys import QueueKeys
from tests.support.schedules import House
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ROOT = Path(__file__).parents[2]
SECOND = 1_000


class Family:
    """Scheduler processes, of which any may die at any time."""

    def __init__(self, redis_url: str, namespace: str, count: int) -> None:
        """Start them."""
        self._environment = {
            **os.environ,
            "REDIS_URL": redis_url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
            "NIGHTSHIFT_HEALTH_PORT": "0",
            "NIGHTSHIFT_LOG_LEVEL": "ERROR",
        }
        self.members = [self._start() for _ in range(count)]
        self.kills = 0

    def replace_one(self, dice: random.Random) -> None:
        """Kill one without a word, or stop it, and start another."""
        place = dice.randrange(len(self.members))
        number = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        self.members[place].send_signal(number)
        self.members[place].wait(20)
        self.members[place] = self._start()
        self.kills += 1

    def end(self) -> None:
        """Kill all."""
        for member in self.members:
            member.kill()
            member.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.scheduler"],
            cwd=ROOT,
            env=self._environment,
        )


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def families() -> Iterator[list[Family]]:
    started: list[Family] = []
    yield started
    for family in started:
        family.end()


def run(
    family: Family, house: House, *, schedules: int, seconds: int, seed: int
) -> list[int]:
    """Let schedules of one-second slots run under kills; return the slots of each."""
    dice = random.Random(seed)
    names = [f"owl-{n}" for n in range(schedules)]
    for name in names:
        house.put(name, every=SECOND)
    start_ms = house.now_ms()
    begin = -(-(start_ms + 1) // SECOND) * SECOND
    end = begin + seconds * SECOND
    while house.now_ms() < end:
        next_kill_ms = house.now_ms() + dice.randrange(1_000, 6_000)
        wait_for(lambda at=next_kill_ms: house.now_ms() >= min(at, end), within_s=10)  # type: ignore[misc]
        family.replace_one(dice)
    wanted = list(range(begin, end, SECOND))
    deadline = time.monotonic() + 40
    for name in names:
        wait_for(
            lambda name=name: house.cursor(name) >= wanted[-1],  # type: ignore[misc]
            within_s=max(1.0, deadline - time.monotonic()),
        )
    return wanted


def assert_each_slot_once(house: House, wanted: list[int], *, schedules: int) -> None:
    created: Any = house.client.xrange(
        QueueKeys(house.namespace, "demo").one("events"), count=200_000
    )
    every = set(wanted)
    jobs = [
        job_id.decode()
        for _, fields in created
        if fields[b"event"] == b"waiting"
        for job_id in fields[b"jobId"].split()
    ]
    assert len(jobs) == len(set(jobs)), "a job was created twice"
    for number in range(schedules):
        name = f"owl-{number}"
        slots = [slot for slot in house.job_slots(name) if slot in every]
        assert slots == wanted
        told = [int(line["slot"]) for line in house.ledger(name)]
        settled = [slot for slot in told if slot in every]
        assert settled == slots, "the ledger tells each slot once"


def test_kills_cost_no_slot_and_double_none(
    families: list[Family], house: House, redis_url: str, namespace: str
) -> None:
    families.append(family := Family(redis_url, namespace, 2))

    wanted = run(family, house, schedules=10, seconds=12, seed=1)

    assert family.kills >= 2
    assert_each_slot_once(house, wanted, schedules=10)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [2, 5])
def test_ten_thousand_one_second_slots_under_kills(
    families: list[Family], house: House, redis_url: str, namespace: str, count: int
) -> None:
    families.append(family := Family(redis_url, namespace, count))

    wanted = run(family, house, schedules=100, seconds=100, seed=count)

    assert family.kills >= 15
    assert len(wanted) * 100 >= 10_000
    assert_each_slot_once(house, wanted, schedules=100)
