"""Real `python -m services.scheduler` processes on a real server."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.schedules.keys import SchedulerKeys
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    Start = Callable[..., "Scheduler"]

ROOT = Path(__file__).parents[2]
START_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Scheduler:
    """One process and its probes."""

    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("NIGHTSHIFT_", "REDIS_"))
        }
        environment |= {"NIGHTSHIFT_HEALTH_PORT": str(self.port), **self.environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.scheduler"],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def probe(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def wait_until_ready(self) -> Scheduler:
        wait_for(lambda: self.probe("/readyz")[0] == 200, within_s=START_S)
        return self

    def leads(self) -> bool:
        return "\nnightshift_scheduler_leader 1.0" in self.probe("/metrics")[1]

    def end(self, number: signal.Signals, *, within_s: float = 10.0) -> tuple[int, str]:
        """Send a signal; return the exit status and what was written."""
        self.process.send_signal(number)
        _, text = self.process.communicate(timeout=within_s)
        return self.process.returncode, text


@pytest.fixture
def start(redis_url: str, namespace: str) -> Iterator[Start]:
    started: list[Scheduler] = []

    def start_one(every_ms: int = 200, **environment: str) -> Scheduler:
        scheduler = Scheduler(
            {
                "REDIS_URL": redis_url,
                "NIGHTSHIFT_NAMESPACE": namespace,
                "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
                "NIGHTSHIFT_DEMO_SCHEDULE": "true",
                "NIGHTSHIFT_DEMO_EVERY_MS": str(every_ms),
                **environment,
            }
        )
        started.append(scheduler)
        return scheduler

    yield start_one
    for scheduler in started:
        if scheduler.process.poll() is None:
            scheduler.process.kill()
        scheduler.process.communicate()


def job_slots(client: redis.Redis, namespace: str) -> list[int]:
    prefix = QueueKeys(namespace, "demo").of("job", "demo-heartbeat:")
    found: Any = client.scan_iter(match=f"{prefix}*", count=10_000)
    return sorted(int(key.decode().removeprefix(prefix)) for key in found)


def ledger(client: redis.Redis, namespace: str) -> list[dict[bytes, bytes]]:
    entries: Any = client.xrange(SchedulerKeys(namespace).ledger("demo-heartbeat"))
    return [fields for _, fields in entries]


def assert_each_slot_once(
    client: redis.Redis, namespace: str, *, every_ms: int
) -> None:
    slots = job_slots(client, namespace)
    assert {b - a for a, b in pairwise(slots)} == {every_ms}
    events: Any = client.xrange(QueueKeys(namespace, "demo").one("events"))
    created = [
        job_id
        for _, fields in events
        if fields[b"event"] == b"waiting"
        for job_id in fields[b"jobId"].split()
    ]
    assert len(created) == len(slots)
    settled = [int(entry[b"slot"]) for entry in ledger(client, namespace)]
    assert settled == slots


def test_fires_each_slot_once_and_on_time(
    start: Start, client: redis.Redis, namespace: str
) -> None:
    scheduler = start(every_ms=200).wait_until_ready()
    wait_for(lambda: len(job_slots(client, namespace)) >= 15)

    assert scheduler.end(signal.SIGTERM)[0] == 0

    assert_each_slot_once(client, namespace, every_ms=200)
    late = [int(entry[b"latenessMs"]) for entry in ledger(client, namespace)]
    assert median(late) <= 100


def test_wakes_up_for_slots_that_are_seconds_apart(
    start: Start, client: redis.Redis, namespace: str
) -> None:
    scheduler = start(every_ms=2_500).wait_until_ready()
    wait_for(lambda: len(job_slots(client, namespace)) >= 3, within_s=20)

    assert scheduler.end(signal.SIGTERM)[0] == 0

    assert_each_slot_once(client, namespace, every_ms=2_500)
    late = [int(entry[b"latenessMs"]) for entry in ledger(client, namespace)]
    assert median(late) <= 100


def test_two_at_once_fire_each_slot_once(
    start: Start, client: redis.Redis, namespace: str
) -> None:
    both = [start(), start()]
    for scheduler in both:
        scheduler.wait_until_ready()
    done = len(job_slots(client, namespace))
    wait_for(lambda: len(job_slots(client, namespace)) >= done + 10)

    assert sorted(scheduler.leads() for scheduler in both) == [False, True]
    for scheduler in both:
        assert scheduler.end(signal.SIGTERM)[0] == 0

    assert_each_slot_once(client, namespace, every_ms=200)


def test_a_killed_leader_is_replaced_within_ten_seconds_and_no_slot_is_lost(
    start: Start, client: redis.Redis, namespace: str
) -> None:
    first = start().wait_until_ready()
    second = start().wait_until_ready()
    wait_for(lambda: job_slots(client, namespace))

    first.end(signal.SIGKILL)
    wait_for(second.leads, within_s=10)
    done = len(job_slots(client, namespace))
    wait_for(lambda: len(job_slots(client, namespace)) >= done + 5)
    second.end(signal.SIGTERM)

    assert_each_slot_once(client, namespace, every_ms=200)


def test_a_leader_that_is_asked_to_stop_hands_over_at_once(
    start: Start, client: redis.Redis, namespace: str
) -> None:
    # Slots that are far apart: it is asked while it waits for periodiq's alarm.
    both = [start(every_ms=60_000), start(every_ms=60_000)]
    for scheduler in both:
        scheduler.wait_until_ready()
    wait_for(lambda: [scheduler.leads() for scheduler in both].count(True) == 1)
    standby, leader = sorted(both, key=lambda scheduler: scheduler.leads())
    token = int(client.get(SchedulerKeys(namespace).epoch) or 0)

    status, text = leader.end(signal.SIGTERM, within_s=5)

    assert status == 0
    assert '"event": "scheduler_stopped"' in text
    wait_for(standby.leads, within_s=5)
    assert int(client.get(SchedulerKeys(namespace).epoch) or 0) == token + 1


def test_waits_for_redis_and_survives_its_outages(start: Start) -> None:
    options = {"appendonly": "yes", "appendfsync": "always"}
    with running_server(options) as server:
        server.stop()
        scheduler = start(REDIS_URL=server.url, NIGHTSHIFT_NAMESPACE="outage")
        wait_for(
            lambda: "Redis can't be reached" in scheduler.probe("/readyz")[1],
            within_s=START_S,
        )
        assert scheduler.probe("/readyz")[0] == 503
        assert scheduler.probe("/livez")[0] == 200

        server.start()
        scheduler.wait_until_ready()
        with connect(server.url) as client:
            wait_for(lambda: job_slots(client, "outage"))
            server.kill()
            wait_for(lambda: scheduler.probe("/livez")[0] == 200)
            server.start()
            done = len(job_slots(client, "outage"))
            wait_for(lambda: len(job_slots(client, "outage")) >= done + 10)

            assert scheduler.end(signal.SIGTERM)[0] == 0
            assert_each_slot_once(client, "outage", every_ms=200)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"NIGHTSHIFT_DEMO_EVERY_MS": "1"}, "Setting NIGHTSHIFT_DEMO_EVERY_MS is not"),
        ({"REDIS_URL": "http://nowhere"}, "Setting REDIS_URL is not usable"),
        ({"NIGHTSHIFT_HEALTH_HOST": "203.0.113.1"}, "The health server can't listen"),
    ],
)
def test_nonsense_ends_it_with_a_sentence(
    start: Start, environment: dict[str, str], sentence: str
) -> None:
    _, text = (scheduler := start(**environment)).process.communicate(timeout=START_S)

    assert scheduler.process.returncode == 2
    assert sentence in text
    assert "Traceback" not in text
