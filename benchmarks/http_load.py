"""Sends one request over and over on several connections, and times the answers."""

from __future__ import annotations

import selectors
import socket
import time
from dataclasses import dataclass

_END_OF_HEADERS = b"\r\n\r\n"
_LENGTH = b"content-length: "


@dataclass
class _Line:
    """One connection: what it has received, and when its request left."""

    connection: socket.socket
    received: bytes = b""
    sent_at: float = 0.0


@dataclass(frozen=True)
class Load:
    """What came of it.

    Attributes:
        per_s: Answers per second.
        p50_ms: Half of them came within this, in milliseconds.
        p99_ms: 99 % of them came within this, in milliseconds.
        answers: How many there were.
    """

    per_s: float
    p50_ms: float
    p99_ms: float
    answers: int


def request(path: str, body: bytes, token: str) -> bytes:
    """Return a POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def load(
    port: int, request: bytes, *, expected: int, connections: int, seconds: float
) -> Load:
    """Send `request` again as soon as its answer is there, on each connection.

    One thread serves them all: a client of many threads would fight itself for the
    interpreter and hide what the server can do.

    Raises:
        RuntimeError: An answer has another status than `expected`.
    """
    good = f"HTTP/1.1 {expected} ".encode()
    took: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, _Line(connection))
        lines = [key.data for key in selector.get_map().values()]
        began = time.perf_counter()
        for line in lines:
            _send(line, request)
        while (now := time.perf_counter()) < began + seconds:
            for key, _ in selector.select(1):
                line = key.data
                line.received += line.connection.recv(65_536)
                if not _is_whole(line.received):
                    continue
                if not line.received.startswith(good):
                    raise RuntimeError(line.received[:300].decode())
                took.append(time.perf_counter() - line.sent_at)
                _send(line, request)
        for line in lines:
            line.connection.close()
    return _summary(took, now - began)


def _send(line: _Line, request: bytes) -> None:
    line.received = b""
    line.sent_at = time.perf_counter()
    line.connection.sendall(request)


def _is_whole(received: bytes) -> bool:
    head, _, body = received.partition(_END_OF_HEADERS)
    _, found, rest = head.lower().partition(_LENGTH)
    return bool(found) and len(body) >= int(rest.split(b"\r", 1)[0])


def _summary(took: list[float], seconds: float) -> Load:
    if not took:
        message = "No answer came."
        raise RuntimeError(message)
    took.sort()
    return Load(
        per_s=len(took) / seconds,
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
        answers=len(took),
    )
