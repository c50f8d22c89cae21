"""A small web server that only this machine can reach."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OUR_NAMES = frozenset({LOOPBACK, "localhost"})
_IDLE_TIMEOUT_S = 10
_LARGEST_BODY = 1024 * 1024
_SAFETY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is answered.

    Attributes:
        status: The HTTP status.
        content_type: The media type.
        body: The content.
        headers: Headers that replace or extend the safe ones.
    """

    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "text/html; charset=utf-8"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def plain(status: HTTPStatus, sentence: str) -> Answer:
    """Return an answer in plain text."""
    body = f"{sentence}\n".encode()
    return Answer(status=status, content_type="text/plain; charset=utf-8", body=body)


def not_found() -> Answer:
    """Return the answer for an address that means nothing."""
    return plain(HTTPStatus.NOT_FOUND, "There is nothing at this address.")


class LoopbackServer:
    """Answers every request with `answer(request)`, each in a thread of its own."""

    def __init__(
        self,
        port: int,
        *,
        answer: Callable[[Request], Answer],
        host: str = LOOPBACK,
    ) -> None:
        """Listen on `port`; 0 takes a free one.

        In a container `host` is every interface of the container; requests must name
        this machine all the same.

        Raises:
            OSError: When the port is taken.
        """

        class Handler(_Handler):
            def answer(self, request: Request) -> Answer:
                return answer(request)

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    timeout = _IDLE_TIMEOUT_S
    server_version = "nightshift"
    sys_version = ""

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def do_GET(self) -> None:
        # A foreign name that resolves to this machine is how web pages reach in here.
        if not _is_our_name(self.headers.get("Host", "")):
            sentence = "This server answers to 127.0.0.1 and localhost only."
            self._send(plain(HTTPStatus.MISDIRECTED_REQUEST, sentence))
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            sentence = f"The body must have at most {_LARGEST_BODY} bytes."
            self._send(plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence))
            return
        self._send(
            self.answer(
                Request(
                    method=self.command,
                    path=urlsplit(self.path).path,
                    headers={k.lower(): v for k, v in self.headers.items()},
                    body=self.rfile.read(int(length)),
                )
            )
        )

    do_HEAD = do_GET  # noqa: N815 - http.server looks for these names
    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Stay silent: every look at a page would be a line."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in {**_SAFETY, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)


def _is_our_name(host: str) -> bool:
    return host.rsplit(":", 1)[0] in _OUR_NAMES
