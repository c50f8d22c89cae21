from __future__ import annotations

from io import BytesIO

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from services.api import upload
from services.api.errors import BodyTooLargeError, MalformedBodyError


def form(body: bytes, *, boundary: str = "b") -> Request:
    builder = EnvironBuilder(
        method="POST",
        input_stream=BytesIO(body),
        content_type=f'multipart/form-data; boundary="{boundary}"',
    )
    environ = builder.get_environ()
    environ["wsgi.input_terminated"] = True
    return Request(environ)


def part(name: str, content: bytes, *, filename: str | None = "a.txt") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'
    return head.encode() + b"Content-Type: text/plain\r\n\r\n" + content + b"\r\n"


END = b"--b--\r\n"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 300_000])
def test_reads_a_form_of_any_size(size: int) -> None:
    content = (b"0123456789\r\n--a\r\n" * (size // 10 + 1))[:size]

    incoming = upload.read(form(part("file", content) + END), limit=10**6)

    assert incoming.name == "a.txt"
    assert incoming.content_type == "text/plain"
    assert b"".join(incoming.chunks) == content


def test_streams_a_form_in_small_pieces() -> None:
    incoming = upload.read(form(part("file", b"x" * 10**6) + END), limit=10**7)

    assert max(len(piece) for piece in incoming.chunks) <= 2 * 65_536


BROKEN = {
    "nothing": b"",
    "no part": END,
    "noise": b"x" * 300_000,
    "another field": part("other", b"x") + END,
    "no file": part("file", b"x", filename=None) + END,
    "a field before the file": part("a", b"x", filename=None) + part("file", b"") + END,
    "a field after the file": part("file", b"x") + part("a", b"x") + END,
    "two files": part("file", b"x") + part("file", b"y") + END,
    "no end": part("file", b"x"),
    "half a head": b"--b\r\nContent-Disposition: form-data",
    "an endless head": b"--b\r\nX: " + b"y" * 300_000,
    "no disposition": b"--b\r\nX: y\r\n\r\nz\r\n" + END,
    "a head that is no UTF-8": b"--b\r\nX: \xff\r\n\r\nz\r\n" + END,
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN.keys())
def test_refuses_a_broken_form(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        list(upload.read(form(body), limit=10**6).chunks)


@pytest.mark.parametrize("boundary", ["", "x" * 201, "é"])
def test_refuses_an_odd_boundary(boundary: str) -> None:
    with pytest.raises(MalformedBodyError):
        upload.read(form(part("file", b"x") + END, boundary=boundary), limit=100)


def test_refuses_a_form_over_the_limit() -> None:
    body = part("file", b"x" * 200_000) + END

    with pytest.raises(BodyTooLargeError):
        list(upload.read(form(body), limit=1000).chunks)
