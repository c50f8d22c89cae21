"""The api as it is started: `python -m services.api`, over real sockets."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from services.api.settings import WAITING_REQUESTS
from tests.support.api import BEARER
from tests.support.api_process import Service, running_service, start
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = BEARER | {"Content-Type": "application/json"}
ECHO = json.dumps({"name": "echo", "data": {"msg": "hi"}}).encode()


@pytest.fixture
def service(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(redis_url, namespace, tmp_path) as service:
        yield service


def test_serves_jobs_and_files_and_ends_with_status_0(service: Service) -> None:
    accepted, job = service.call("POST", "/api/v1/jobs/demo", ECHO, JSON)
    assert accepted.status == 202
    shown, same = service.call("GET", accepted.headers["Location"])
    assert shown.status == 200
    assert same == job
    assert not any(letter.isdigit() for letter in shown.headers["Server"] or "")

    content = os.urandom(700_000)
    stored, file = service.call("POST", "/api/v1/files", content)
    assert stored.status == 201
    assert file["size"] == len(content)
    connection = service.connect()
    connection.request("GET", stored.headers["Location"], headers=BEARER)
    assert connection.getresponse().read() == content
    connection.close()

    assert service.terminate() == 0
    assert not service.is_listening()


def test_lets_a_client_that_is_still_sending_hear_that_it_is_too_much(
    service: Service,
) -> None:
    too_large = b'"' + b"x" * 1_000_000 + b'"'

    refused, document = service.call("POST", "/api/v1/jobs/demo", too_large, JSON)

    assert refused.status == 413
    assert document["type"] == "/problems/body-too-large"


def test_refuses_a_body_in_chunks_that_is_too_large(service: Service) -> None:
    connection = service.connect()
    pieces = (b"x" * 64_000 for _ in range(10))
    connection.request("POST", "/api/v1/jobs/demo", pieces, JSON, encode_chunked=True)

    response = connection.getresponse()

    assert response.status == 413
    assert response.headers["Content-Type"] == "application/problem+json"
    connection.close()


def test_finishes_what_is_in_flight_before_it_ends(service: Service) -> None:
    content = b"x" * 100_000
    connection = service.connect()
    connection.putrequest("POST", "/api/v1/files")
    connection.putheader("Authorization", BEARER["Authorization"])
    connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content[:50_000])
    in_flight = "nightshift_http_requests_in_progress 2.0"
    wait_for(lambda: in_flight in metrics(service), what="the upload is being read")

    service.process.terminate()
    wait_for(lambda: not service.is_listening(), what="no new connection is taken")
    connection.send(content[50_000:])

    response = connection.getresponse()
    assert response.status == 201
    response.read()
    connection.close()
    assert service.process.wait(30) == 0


def metrics(service: Service) -> str:
    connection = service.connect()
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_answers_long_polls_at_once_when_told_to_end(service: Service) -> None:
    accepted, _ = service.call("POST", "/api/v1/jobs/demo", ECHO, JSON)
    address = f"{accepted.headers['Location']}?wait=25"

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(service.call, "GET", address)
        in_flight = "nightshift_http_requests_in_progress 2.0"
        wait_for(lambda: in_flight in metrics(service), what="the poll waits")
        began = time.monotonic()
        status = service.terminate()
        response, job = answer.result(timeout=30)

    assert status == 0
    assert time.monotonic() - began < 10
    assert response.status == 200
    assert response.headers["Retry-After"] == "1"
    assert job["state"] == "waiting"


def test_keeps_answering_while_idle_connections_pile_up(service: Service) -> None:
    # Granian counts idle connections against its limit, which must be far away.
    idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]

    response, _ = service.call("GET", "/livez")

    assert response.status == 200
    for connection in idle:
        connection.close()


def test_leaves_no_child_behind_when_it_is_killed(service: Service) -> None:
    service.process.send_signal(signal.SIGKILL)

    wait_for(lambda: not service.is_listening(), within_s=20)


def test_says_in_a_sentence_which_setting_is_nonsense(redis_url: str) -> None:
    with start({"REDIS_URL": redis_url, "NIGHTSHIFT_API_PORT": "http"}) as process:
        _, said = process.communicate(timeout=40)

    assert process.returncode == 2
    assert said.startswith(b"Setting NIGHTSHIFT_API_PORT is not usable")
    assert b"Traceback" not in said


def test_says_that_its_port_is_taken(redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        settings = {"REDIS_URL": redis_url, "NIGHTSHIFT_API_PORT": port}
        with start(settings) as process:
            _, said = process.communicate(timeout=40)

    assert process.returncode == 2
    assert f"127.0.0.1:{port}".encode() in said
    assert b"Traceback" not in said


def test_a_reader_of_events_who_goes_away_frees_the_place(service: Service) -> None:
    accepted, _ = service.call("POST", "/api/v1/jobs/demo", ECHO, JSON)
    path = f"{accepted.headers['Location']}/events"
    readers = []
    for _ in range(WAITING_REQUESTS):
        connection = service.connect()
        connection.request("GET", path, headers=BEARER)
        response = connection.getresponse()
        assert response.status == 200
        assert response.readline() == b"retry: 2000\n"
        readers.append(connection)
    refused, _ = service.call("GET", path)
    assert refused.status == 503
    assert service.call("POST", "/api/v1/jobs/demo", ECHO, JSON)[0].status == 202

    for connection in readers:
        connection.sock.close()
        connection.close()

    in_flight = "nightshift_http_requests_in_progress 1.0"
    wait_for(lambda: in_flight in metrics(service), within_s=30)
    connection = service.connect()
    connection.request("GET", path, headers=BEARER)
    assert connection.getresponse().status == 200
    connection.close()
