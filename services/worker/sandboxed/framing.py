"""Messages between the worker and a sandboxed child: a document and some bytes."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_SIZES = struct.Struct("!IQ")
_CHUNK_BYTES = 256 * 1024
_MAX_HEADER_BYTES = 64 * 1024


class FramingError(Exception):
    """Raised when what arrives is no message of ours."""


@dataclass(frozen=True)
class Frame:
    """One message.

    Attributes:
        header: The document.
        body: The bytes.
    """

    header: dict[str, Any]
    body: bytes


def opening(header: dict[str, Any], *, body_bytes: int) -> bytes:
    """Return what precedes a body of `body_bytes` bytes."""
    text = msgspec.json.encode(header)
    return _SIZES.pack(len(text), body_bytes) + text


def send(connection: socket.socket, header: dict[str, Any], body: bytes = b"") -> None:
    """Send one message, blocking."""
    connection.sendall(opening(header, body_bytes=len(body)))
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[dict[str, Any], io.BytesIO]:
    """Receive one message, blocking; the body is a file, so that it isn't copied.

    Raises:
        FramingError: When the other side hangs up too early.
    """
    header_bytes, body_bytes = _SIZES.unpack(_exactly(connection, _SIZES.size).read())
    header = msgspec.json.decode(_exactly(connection, header_bytes).read())
    return header, _exactly(connection, body_bytes)


def _exactly(connection: socket.socket, size: int) -> io.BytesIO:
    content = io.BytesIO()
    while size:
        chunk = connection.recv(min(size, _CHUNK_BYTES))
        if not chunk:
            raise FramingError
        content.write(chunk)
        size -= len(chunk)
    content.seek(0)
    return content


class Incoming:
    """Puts messages together from pieces; for the side that can't block or trust."""

    def __init__(self, *, max_body_bytes: int) -> None:
        """Refuse bodies above `max_body_bytes` bytes."""
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """Take a piece and yield the messages that it completes.

        Raises:
            FramingError: When a message is too large or no message.
        """
        self._buffer += piece
        while len(self._buffer) >= _SIZES.size:
            header_bytes, body_bytes = _SIZES.unpack_from(self._buffer)
            if header_bytes > _MAX_HEADER_BYTES or body_bytes > self._max_body_bytes:
                raise FramingError
            start = _SIZES.size + header_bytes
            end = start + body_bytes
            if len(self._buffer) < end:
                return
            yield self._frame(start, end)
            del self._buffer[:end]

    def _frame(self, start: int, end: int) -> Frame:
        try:
            header = msgspec.json.decode(
                bytes(self._buffer[_SIZES.size : start]), type=dict[str, Any]
            )
        except msgspec.MsgspecError as error:
            raise FramingError from error
        return Frame(header, bytes(self._buffer[start:end]))
