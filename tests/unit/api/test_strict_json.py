from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from services.api.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedBodyError,
)
from services.api.request_body import check_json, read_json
from tests.support.hostile_json import HOSTILE


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_refuses_json_that_parsers_disagree_about(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        check_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {"a": [1, 2.5, -0, 1e300, true, null, "\\u00e9"]} ',
        b"9007199254740992",
        b"-9007199254740992",
        b"[" * 32 + b"]" * 32,
        b'{"brackets in a string": "' + b"[{" * 5_000 + b'"}',
        b'["' + b'\\"[' * 1_000 + b'"]',
        b'"\\ud83d\\ude00"',
        '"😀 \u017f \u2028"'.encode(),
        b'{"a": {"a": {"a": 1}}}',
        b'"\\u0000"',
    ],
)
def test_takes_sound_json(body: bytes) -> None:
    check_json(body)


def test_names_the_key_that_comes_twice() -> None:
    with pytest.raises(MalformedBodyError, match="'cc' twice"):
        check_json(b'{"to": 1, "cc": 2, "cc": 3}')


def test_says_where_the_json_breaks() -> None:
    with pytest.raises(MalformedBodyError, match="line 2, column 8"):
        check_json(b'{\n  "a": oops}')


def test_finds_the_depth_of_escaped_quotes_in_linear_time() -> None:
    # Quadratic time would take minutes; the test's time-out is the assertion.
    body = b'"' + b'\\"[' * 100_000

    with pytest.raises(MalformedBodyError):
        check_json(body)


def request(
    body: bytes, headers: dict[str, str] | None = None, *, length: int | None = None
) -> Request:
    all_headers = Headers({"Content-Type": "application/json"} | (headers or {}))
    builder = EnvironBuilder(method="POST", data=body, headers=all_headers)
    environ = builder.get_environ()
    environ["wsgi.input_terminated"] = True
    if length is not None:
        environ["CONTENT_LENGTH"] = str(length)
    return Request(environ)


def chunked(body: bytes) -> Request:
    incoming = request(body)
    del incoming.environ["CONTENT_LENGTH"]
    return incoming


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "multipart/form-data; boundary=x",
    ],
)
def test_refuses_a_body_that_is_not_declared_as_json(content_type: str) -> None:
    incoming = request(b"{}", {"Content-Type": content_type})

    with pytest.raises(UnsupportedBodyError):
        read_json(incoming, limit=100)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=UTF-8"]
)
def test_takes_a_body_declared_as_json(content_type: str) -> None:
    incoming = request(b"{}", {"Content-Type": content_type})

    assert read_json(incoming, limit=100) == b"{}"


def test_refuses_a_compressed_body() -> None:
    incoming = request(b"\x1f\x8b", {"Content-Encoding": "gzip"})

    with pytest.raises(UnsupportedBodyError, match="Content-Encoding"):
        read_json(incoming, limit=100)


def test_takes_a_body_of_exactly_the_limit() -> None:
    body = b'"' + b"x" * 98 + b'"'

    assert read_json(request(body), limit=100) == body
    assert read_json(chunked(body), limit=100) == body


def test_refuses_a_body_over_the_limit_with_and_without_a_length() -> None:
    body = b'"' + b"x" * 99 + b'"'

    for incoming in (request(body), chunked(body)):
        with pytest.raises(BodyTooLargeError, match="100 bytes"):
            read_json(incoming, limit=100)


def test_refuses_a_body_that_ends_before_its_length() -> None:
    incoming = request(b"{}", length=50)

    with pytest.raises(MalformedBodyError, match="2 of 50 bytes"):
        read_json(incoming, limit=100)
