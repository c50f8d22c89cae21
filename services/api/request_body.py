"""Reads a request's body: bounded bytes, and JSON that means the same to everyone."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Never

from services.api.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    UnsupportedBodyError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeVar

    from werkzeug.wrappers import Request

    from shared.contracts.model import Model

    M = TypeVar("M", bound=Model)

CHUNK_BYTES = 64 * 1024
#: How deep arrays and objects may nest; Python's parser recurses.
MAX_DEPTH = 32
#: Beyond it, JavaScript and many others lose digits.
MAX_INTEGER = 2**53
_MAX_DIGITS = len(str(-MAX_INTEGER))
#: After a refusal this much is read and dropped, so that the client, which is still
#: sending, hears the answer instead of a reset connection.
_DRAIN_BYTES = 1024 * 1024

# A string that never ends is matched to the end of the text: searching on from its
# every escaped quote would take quadratic time.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def chunks(request: Request, *, limit: int) -> Iterator[bytes]:
    """Yield the body in pieces, whether it has a length or comes in chunks.

    Args:
        request: The request; its stream is read once.
        limit: Largest body, in bytes.

    Raises:
        BodyTooLargeError: Before the first piece when the length says so.
        MalformedBodyError: The client hung up before the end.
        UnsupportedBodyError: The body is compressed.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        message = "Send the body without Content-Encoding."
        raise UnsupportedBodyError(message)
    announced = request.content_length
    if announced is not None and announced > limit:
        _drain(request, limit=_DRAIN_BYTES)
        raise _too_large(limit)
    received = 0
    stream = request.stream
    # A body whose length is known needs no last read that brings nothing.
    while received != announced and (piece := stream.read(CHUNK_BYTES)):
        received += len(piece)
        if received > limit:
            _drain(request, limit=_DRAIN_BYTES)
            raise _too_large(limit)
        yield piece
    # The server ends the stream quietly when the connection breaks.
    if announced is not None and received < announced:
        message = f"The body ended after {received} of {announced} bytes."
        raise MalformedBodyError(message)


def _too_large(limit: int) -> BodyTooLargeError:
    return BodyTooLargeError(f"The body may have {limit} bytes at most.")


def _drain(request: Request, *, limit: int) -> None:
    while limit > 0 and (piece := request.stream.read(CHUNK_BYTES)):
        limit -= len(piece)


def read_json(request: Request, *, limit: int) -> bytes:
    """Return the body, checked to be one strict JSON document.

    Args:
        request: The request.
        limit: Largest body, in bytes.

    Raises:
        UnsupportedBodyError: It is not declared as JSON in UTF-8.
        BodyTooLargeError: It is larger than `limit`.
        MalformedBodyError: It is not JSON, or JSON that parsers read differently.
    """
    if request.environ.get("CONTENT_TYPE") != "application/json":
        _check_type(request)
    body = b"".join(chunks(request, limit=limit))
    check_json(body)
    return body


def _check_type(request: Request) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype != "application/json" or charset != "utf-8":
        message = "Send JSON in UTF-8 with the header `Content-Type: application/json`."
        raise UnsupportedBodyError(message)


def read_model(model: type[M], request: Request, *, limit: int) -> M:
    """Return the body as `model`.

    Args:
        model: What the body should be.
        request: The request.
        limit: Largest body, in bytes.

    Raises:
        RequestError: The body can't be read.
        InvalidDataError: It is JSON, but not such a document.
    """
    return model.parse(read_json(request, limit=limit))


def check_json(body: bytes) -> None:
    """Refuse what one parser accepts and another refuses, drops or rounds.

    Raises:
        MalformedBodyError: With the first reason found.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8: see byte {error.start}."
        raise MalformedBodyError(message) from None
    _check_depth(text)
    document = _parsed(text)
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(document)


def _parsed(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = (
            f"The body is not JSON: {error.msg[:1].lower()}{error.msg[1:]} "
            f"(line {error.lineno}, column {error.colno})."
        )
        raise MalformedBodyError(message) from None


def _check_depth(text: str) -> None:
    # Fewer brackets than levels can't nest too deep; almost every body stops here.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                message = f"The body nests deeper than {MAX_DEPTH} levels."
                raise MalformedBodyError(message)
        elif first in "]}":
            depth -= 1


def _check_surrogates(document: object) -> None:
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        message = "The body has half of a surrogate pair, which is no character."
        raise MalformedBodyError(message) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
        message = f"The body has the key {twice[:100]!a} twice in one object."
        raise MalformedBodyError(message)
    return document


def _integer(digits: str) -> int:
    # The length first: Python refuses to convert thousands of digits.
    if len(digits) <= _MAX_DIGITS and abs(number := int(digits)) <= MAX_INTEGER:
        return number
    message = "The body has an integer beyond 2^53; send it as a string."
    raise MalformedBodyError(message)


def _decimal(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        message = "The body has a number that is too large for a double."
        raise MalformedBodyError(message)
    return number


def _constant(name: str) -> Never:
    message = f"The body has {name}, which is not JSON."
    raise MalformedBodyError(message)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_int=_integer,
    parse_float=_decimal,
    parse_constant=_constant,
)
