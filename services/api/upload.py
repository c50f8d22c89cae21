"""A file that comes in, streamed: as the raw body or as the form field `file`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, File, MultipartDecoder, NeedData
from werkzeug.sansio.multipart import Event as Part

from services.api.errors import MalformedBodyError
from services.api.request_body import CHUNK_BYTES, chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug.wrappers import Request

FIELD = "file"
#: What a form adds around its file: boundaries and the part's headers.
FORM_OVERHEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Upload:
    """A file on its way in; `chunks` may be read once.

    Attributes:
        name: Its file name, as the caller sent it.
        content_type: What the caller says it is, the same.
        chunks: Its bytes.
    """

    name: str
    content_type: str
    chunks: Iterator[bytes]


def read(request: Request, *, limit: int) -> Upload:
    """Return the file that a request brings.

    Args:
        request: The request; its body is read while the chunks are.
        limit: Largest file, in bytes; a form may be a little larger.

    Raises:
        RequestError: Here, or while the chunks are read.
    """
    if request.mimetype == "multipart/form-data":
        return _from_form(request, limit=limit)
    # Headers are ASCII; other letters come percent-encoded.
    name = unquote(request.headers.get("X-Filename", ""))
    content_type = request.headers.get("Content-Type", "")
    return Upload(name, content_type, chunks(request, limit=limit))


def _from_form(request: Request, *, limit: int) -> Upload:
    boundary = request.mimetype_params.get("boundary", "")
    # RFC 2046 allows 70 characters; libraries that add random digits exceed it.
    if not re.fullmatch(r"[ -~]{1,200}", boundary):
        message = "The form has no boundary of 1 to 200 ASCII characters."
        raise MalformedBodyError(message)
    body = chunks(request, limit=limit + FORM_OVERHEAD_BYTES)
    parts = _parts(boundary.encode(), body)
    for part in parts:
        if isinstance(part, File) and part.name == FIELD:
            content_type = part.headers.get("Content-Type", "")
            return Upload(part.filename, content_type, _contents(parts))
        if isinstance(part, (Data, Epilogue)):
            break
    message = f"The form needs one part, a file in the field `{FIELD}`."
    raise MalformedBodyError(message)


def _contents(parts: Iterator[Part]) -> Iterator[bytes]:
    """Yield the file's bytes; the form must end with it."""
    more = True
    while more:
        part = next(parts)
        if not isinstance(part, Data):
            raise TypeError(part)
        yield part.data
        more = part.more_data
    if not isinstance(next(parts), Epilogue):
        message = f"The form may hold nothing but the field `{FIELD}`."
        raise MalformedBodyError(message)


def _parts(boundary: bytes, body: Iterator[bytes]) -> Iterator[Part]:
    """Yield the parts of a form as they come in; the last is an Epilogue."""
    decoder = MultipartDecoder(
        boundary, max_form_memory_size=2 * CHUNK_BYTES, max_parts=2
    )
    try:
        while True:
            part = decoder.next_event()
            if not isinstance(part, NeedData):
                yield part
                if isinstance(part, Epilogue):
                    return
            elif not decoder.complete:
                decoder.receive_data(next(body, None))
    except (ValueError, RequestEntityTooLarge):
        message = "The form can't be read."
        raise MalformedBodyError(message) from None
