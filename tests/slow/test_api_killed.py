"""The api is killed after Redis has the jobs and before anybody was answered.

Replies of Redis pass through a proxy. It lets one request through slowly, while the
others line up behind it, and holds back the reply to those: their jobs exist, nobody
knows. Then the api is killed with -9, started again, and all clients send the same
requests with the same keys until they are answered.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.broker.keys import QueueKeys
from tests.support.api import BEARER
from tests.support.api_process import Service, free_port, start
from tests.support.tcp_proxy import Fate, TcpProxy
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

CLIENTS = 100
WANTED = 1_000
BODY = json.dumps({"name": "echo", "data": {"msg": "hi"}}).encode()
#: The mark of a request in flight lasts 10 s; a loaded machine takes its time, too.
PATIENCE_S = 90.0
LINE_UP_S = 0.5


class Holder:
    """Says what becomes of Redis's replies."""

    def __init__(self) -> None:
        self.holds = threading.Event()
        self.has_held = threading.Event()
        self._seen = 0
        self._lock = threading.Lock()

    def fate_of(self, request: bytes) -> Fate:
        if not self.holds.is_set() or b"EVAL" not in request:
            return Fate.ARRIVE
        with self._lock:
            self._seen += 1
            is_first = self._seen == 1
        if is_first:
            # This is what the others line up behind.
            time.sleep(LINE_UP_S)
            return Fate.ARRIVE
        self.has_held.set()
        return Fate.DROP if self._held() else Fate.ARRIVE

    def _held(self) -> bool:
        while self.holds.is_set():
            time.sleep(0.01)
        return True

    def begin(self) -> None:
        self._seen = 0
        self.has_held.clear()
        self.holds.set()


def post(port: int, key: str) -> str:
    """Send one request until it is answered; return the job's id."""
    ends_at = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends_at:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            sort = {"Content-Type": "application/json", "Idempotency-Key": key}
            connection.request("POST", "/api/v1/jobs/demo", BODY, BEARER | sort)
            response = connection.getresponse()
            document = json.loads(response.read())
        except (OSError, HTTPException):
            time.sleep(0.1)
            continue
        finally:
            connection.close()
        if response.status in {200, 202}:
            return str(document["id"])
        assert response.status in {409, 503}, document
        time.sleep(0.5)
    raise AssertionError(key)


def started(settings: dict[str, str], port: int, log: Path) -> Service:
    with log.open("ab") as output:
        service = Service(start(settings, log=output), port)
    wait_for(service.is_listening, within_s=60, what="the api listens")
    return service


def kill(service: Service) -> None:
    pid = service.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (*map(int, children), pid):
        os.kill(each, signal.SIGKILL)
    service.process.wait(10)
    wait_for(lambda: not service.is_listening(), within_s=20)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_interrupted_requests_make_one_job_each(
    client: redis.Redis, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    waiting = QueueKeys(namespace, "demo").one("waiting")
    holder, port = Holder(), free_port()
    answers: dict[str, str] = {}
    interrupted = kills = 0
    with TcpProxy(redis_url.removeprefix("unix://").partition("?")[0]) as proxy:
        proxy.fate_of = holder.fate_of
        settings = {
            "REDIS_URL": proxy.url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_STORAGE_DIR": str(tmp_path),
            "NIGHTSHIFT_API_PORT": str(port),
        }
        service = started(settings, port, tmp_path / "api.log")
        try:
            answers["first"] = post(port, "first")
            while interrupted < WANTED:
                keys = [ids.new_id() for _ in range(CLIENTS)]
                holder.begin()
                with ThreadPoolExecutor(CLIENTS) as pool:
                    sent = {key: pool.submit(post, port, key) for key in keys}
                    assert holder.has_held.wait(30)
                    answered = sum(one.done() for one in sent.values())
                    created = client.zcard(waiting) - len(answers)
                    kill(service)
                    kills += 1
                    interrupted += created - answered
                    holder.holds.clear()
                    service = started(settings, port, tmp_path / "api.log")
                    answers |= {key: one.result() for key, one in sent.items()}
        finally:
            holder.holds.clear()
            kill(service)

    assert len(set(answers.values())) == len(answers) == 1 + kills * CLIENTS
    assert client.zcard(waiting) == len(answers)
    assert kills <= WANTED // 20, "each kill was to interrupt many requests"
