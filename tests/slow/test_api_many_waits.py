"""200 event streams and 50 long polls at once: who posts jobs does not notice."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.http_load import load, request
from tests.support.api import TOKEN
from tests.support.api_process import Service, running_service
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS, POLLS = 200, 50
POSTING_S = 4.0
ROUNDS = 4
BODY = json.dumps({"name": "echo", "data": {"msg": "hi"}}).encode()
DELAYED = json.dumps(
    {"name": "echo", "data": {"msg": "hi"}, "opts": {"delay": 3_600_000}}
).encode()
JSON = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
POST = request("/api/v1/jobs/demo", BODY, TOKEN)


@pytest.fixture
def service(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(redis_url, namespace, tmp_path) as service:
        yield service


def p99_ms(service: Service) -> float:
    """Post jobs one after the other; return how long the slowest hundredth took."""
    done = load(service.port, POST, expected=202, connections=1, seconds=POSTING_S)
    assert done.answers > 100
    return done.p99_ms


def asked(service: Service, path: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def in_progress(service: Service) -> int:
    connection = service.connect()
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    [line] = [
        line
        for line in text.splitlines()
        if line.startswith("nightshift_http_requests_in_progress ")
    ]
    return int(float(line.split()[1])) - 1  # this one is not counted


def memory_mb(service: Service) -> float:
    """Return what the process that answers holds."""
    pid = service.process.pid
    [child, *_] = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    status = Path(f"/proc/{child}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def open_waits(service: Service, stack: ExitStack) -> None:
    # Each follows a job of its own, in the queue that is posted to.
    for number in range(STREAMS + POLLS):
        _, job = service.call("POST", "/api/v1/jobs/demo", DELAYED, JSON)
        rest = "/events" if number < STREAMS else "?wait=25"
        path = f"/api/v1/jobs/demo/{job['id']}{rest}"
        stack.enter_context(asked(service, path))
    wait_for(lambda: in_progress(service) == STREAMS + POLLS, within_s=20)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_posts_stay_fast_beside_hundreds_of_waits(service: Service) -> None:
    p99_ms(service)
    idle_mb = memory_mb(service)
    rounds = []
    for _ in range(ROUNDS):
        idle = p99_ms(service)
        with ExitStack() as stack:
            open_waits(service, stack)
            busy = p99_ms(service)
            busy_mb = memory_mb(service)
            # They all still wait, so this was measured beside them.
            assert in_progress(service) == STREAMS + POLLS
        rounds.append((idle, busy))
        # Clients that went away free their places: a stream within its keep-alive of
        # 10 s, a poll when its 25 s are over.
        wait_for(lambda: in_progress(service) == 0, within_s=60, what="places are free")

    figures = f"p99 in ms, idle and busy: {rounds}; MB: {idle_mb:.0f}, {busy_mb:.0f}"
    # One quiet round is enough: this machine has other things to do, too.
    assert min(busy / idle for idle, busy in rounds) < 2, figures
    assert busy_mb - idle_mb < 100, figures
