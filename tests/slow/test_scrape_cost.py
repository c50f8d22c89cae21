"""A scrape of each service with 200 queues takes 50 milliseconds at most."""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.many_queues import write_tasks
from tests.support.service_process import ServiceProcess
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
QUEUES = 200
LIMIT_S = 0.05
SCRAPES, ROUNDS = 100, 8
#: A line that tells that the service has its series for every queue.
_LINES = {
    "api": 'nightshift_queue_depth{queue="queue-199",state="waiting"} 0.0',
    "worker": 'nightshift_queue_wait_seconds_count{queue="queue-199"} 0.0',
    "scheduler": "nightshift_scheduler_leader 1.0",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tasks(tmp_path_factory.mktemp("tasks"), queues=QUEUES)


@pytest.fixture(params=sorted(_LINES))
def service(
    request: pytest.FixtureRequest,
    redis_url: str,
    namespace: str,
    tasks: str,
    tmp_path: Path,
) -> Iterator[tuple[str, int]]:
    port = free_port()
    process = ServiceProcess(
        request.param,
        [sys.executable, "-m", f"services.{request.param}"],
        folder=tmp_path,
        port=port,
        environment={
            "PYTHONPATH": os.pathsep.join((tasks, str(ROOT))),
            "REDIS_URL": redis_url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_STORAGE_DIR": str(tmp_path / "files"),
            "NIGHTSHIFT_API_TOKEN": "0123456789abcdef",
            "NIGHTSHIFT_API_PORT": str(port),
            "NIGHTSHIFT_HEALTH_PORT": str(port),
        },
    )
    with process:
        yield request.param, port


def test_a_scrape_costs_50_milliseconds_at_most(service: tuple[str, int]) -> None:
    name, port = service
    first, _ = _scrape(port)
    assert _LINES[name] in first

    # The machine does other things as well: the quietest of the rounds counts.
    rounds = [_p99_s(port) for _ in range(ROUNDS)]
    best = min(rounds)
    size = f"{len(first) / 1e6:.2f} MB, {first.count(chr(10))} lines"
    print(f"{name}: p99 {best * 1000:.1f} ms, {size}")  # noqa: T201 - the figure

    assert best <= LIMIT_S, [f"{seconds:.3f}" for seconds in rounds]


def _p99_s(port: int) -> float:
    seconds = [_scrape(port)[1] for _ in range(SCRAPES)]
    return statistics.quantiles(seconds, n=100)[98]


def _scrape(port: int) -> tuple[str, float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    began = time.perf_counter()
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    assert answer.status == 200
    return text.decode(), time.perf_counter() - began
