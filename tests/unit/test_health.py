from __future__ import annotations

import http.client
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, Counter

from shared.errors import ConfigurationError
from shared.health import HealthServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def start() -> Iterator[Callable[..., HealthServer]]:
    servers: list[HealthServer] = []

    def start_one(**checks: object) -> HealthServer:
        server = HealthServer("127.0.0.1", 0, **checks)  # type: ignore[arg-type]
        servers.append(server)
        server.start()
        return server

    yield start_one
    for server in servers:
        server.stop()


def ask(
    server: HealthServer, path: str, method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(), dict(response.getheaders())
    finally:
        connection.close()


def test_says_ok_when_nothing_is_wrong(start: Callable[..., HealthServer]) -> None:
    server = start()

    assert ask(server, "/livez")[:2] == (200, "ok\n")
    assert ask(server, "/readyz?verbose=1")[:2] == (200, "ok\n")


def test_says_why_it_is_not_ready_and_stays_live(
    start: Callable[..., HealthServer],
) -> None:
    server = start(ready=lambda: "Redis can't be reached.")

    assert ask(server, "/readyz")[:2] == (503, "Redis can't be reached.\n")
    assert ask(server, "/livez")[0] == 200


def test_a_broken_check_is_an_answer_too(start: Callable[..., HealthServer]) -> None:
    def broken() -> str | None:
        raise OSError

    status, text, _ = ask(start(live=broken), "/livez")

    assert status == 503
    assert "OSError" in text


def test_shows_metrics(start: Callable[..., HealthServer]) -> None:
    registry = CollectorRegistry()
    Counter("owls_total", "Owls seen.", registry=registry).inc(3)

    status, text, headers = ask(start(registry=registry), "/metrics")

    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert "owls_total 3.0" in text


def test_head_has_the_same_headers_and_no_body(
    start: Callable[..., HealthServer],
) -> None:
    server = start(ready=lambda: "no")

    status, text, headers = ask(server, "/readyz", "HEAD")

    assert (status, text, headers["Content-Length"]) == (503, "", "3")


def test_other_paths_are_not_found(start: Callable[..., HealthServer]) -> None:
    assert ask(start(), "/")[0] == 404


def test_writes_no_request_log(
    start: Callable[..., HealthServer], capfd: pytest.CaptureFixture[str]
) -> None:
    ask(start(), "/livez")

    assert capfd.readouterr() == ("", "")


def test_survives_clients_that_go_away(start: Callable[..., HealthServer]) -> None:
    server = start()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            # Reset instead of a friendly goodbye.
            client.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )

    assert ask(server, "/livez")[0] == 200


def test_a_silent_client_delays_nobody(start: Callable[..., HealthServer]) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)):
        began = time.monotonic()

        assert ask(server, "/livez")[0] == 200
        server.stop()

        assert time.monotonic() - began < 2


def test_a_stopped_server_frees_its_port_at_once(
    start: Callable[..., HealthServer],
) -> None:
    first = start()
    ask(first, "/livez")
    first.stop()
    first.stop()

    second = HealthServer("127.0.0.1", first.port)
    second.start()
    second.stop()


def test_a_taken_port_is_said_in_a_sentence(
    start: Callable[..., HealthServer],
) -> None:
    port = start().port

    with pytest.raises(ConfigurationError, match=f"can't listen on 127.0.0.1:{port}"):
        HealthServer("127.0.0.1", port).start()
