from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from cli import probe
from cli.loopback_http import Answer, LoopbackServer, Request

if TYPE_CHECKING:
    from collections.abc import Iterator


def repeat(request: Request) -> Answer:
    text = f"{request.method} {request.path} ".encode() + request.body
    return Answer(body=text)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(0, answer=repeat) as running:
        yield running


def call(
    server: LoopbackServer, method: str, path: str, *, host: str = "", body: bytes = b""
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        headers = {"Host": host or f"127.0.0.1:{server.port}"}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_hands_the_request_on(server: LoopbackServer) -> None:
    assert call(server, "GET", "/a?b=c")[1] == b"GET /a "
    assert call(server, "POST", "/a", body=b"hi")[1] == b"POST /a hi"
    assert call(server, "HEAD", "/a")[1] == b""


def test_every_page_is_kept_from_doing_harm(server: LoopbackServer) -> None:
    headers = call(server, "GET", "/")[0].headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.nip.io"]
)
def test_answers_to_no_foreign_name(server: LoopbackServer, host: str) -> None:
    answer, body = call(server, "GET", "/", host=host)

    assert answer.status == 421
    assert b"127.0.0.1 and localhost only" in body


def test_refuses_a_large_body(server: LoopbackServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(10**9))
        connection.endheaders()
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_the_probe_believes_only_200(server: LoopbackServer) -> None:
    url = f"http://127.0.0.1:{server.port}"

    assert probe.not_ready(f"{url}/readyz") is None
    assert "does not answer" in (probe.not_ready("http://127.0.0.1:1/readyz") or "")
