"""Files that a job names, and what can be shown of them without trusting them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from shared import ids
from shared.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.storage.storage import Storage
    from shared.storage.stored_file import StoredFile

Kind = Literal["image", "pdf", "table", "text", "other"]
#: Files of one job that are looked at.
MAX_FILES = 12
#: Bytes of a file that are read to show its beginning.
MAX_HEAD = 64 * 1024
_ROWS, _COLUMNS, _CELL = 20, 12, 80
_TEXT = 4_000
_LARGEST = 256 * 1024
_ID = re.compile(rf'"([{ids.ALPHABET}]{{{ids.LENGTH}}})"')
#: First bytes of what browsers draw; the sender's word for it counts nothing.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_AT_4, _AT_8 = 4, 8


@dataclass(frozen=True)
class Preview:
    """A file and its beginning.

    Attributes:
        file: Its description.
        kind: How it can be shown.
        rows: The first rows of a table.
        text: The first lines of a text.
    """

    file: StoredFile
    kind: Kind
    rows: list[list[str]]
    text: str = ""


def media_type(head: bytes) -> str | None:
    """Return the type of a picture or a PDF by its first bytes, None for the rest."""
    for magic, name in _IMAGES:
        if head.startswith(magic):
            return name
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head[:_AT_4] == b"RIFF" and head[_AT_8:].startswith(b"WEBP"):
        return "image/webp"
    if head[_AT_4:].startswith((b"ftypavif", b"ftypavis")):
        return "image/avif"
    return None


def previews(storage: Storage, *documents: bytes) -> list[Preview]:
    """Return the files that JSON documents name, in their order."""
    return [_preview(storage, file) for file in _files(storage, *documents)]


def head(storage: Storage, file_id: str) -> bytes:
    """Return the beginning of a file, MAX_HEAD bytes at most."""
    found = b""
    for chunk in storage.stream(file_id):
        found += chunk
        if len(found) >= MAX_HEAD:
            break
    return found[:MAX_HEAD]


def _files(storage: Storage, *documents: bytes) -> Iterator[StoredFile]:
    text = b" ".join(document[:_LARGEST] for document in documents).decode(
        errors="replace"
    )
    for file_id in list(dict.fromkeys(_ID.findall(text)))[:MAX_FILES]:
        try:
            yield storage.stat(file_id)
        except StorageError:
            # An id of something else, or a file that was cleaned away.
            continue


def _preview(storage: Storage, file: StoredFile) -> Preview:
    try:
        beginning = head(storage, file.id)
    except StorageError:
        return Preview(file, "other", [])
    found = media_type(beginning)
    if found is not None:
        return Preview(file, "pdf" if found == "application/pdf" else "image", [])
    try:
        text = beginning.decode()
    except UnicodeDecodeError as error:
        # A letter may be cut in two at the end; anything else is no text.
        if error.start < len(beginning) - 4:
            return Preview(file, "other", [])
        text = beginning[: error.start].decode()
    if file.content_type == "text/csv" or file.name.lower().endswith(".csv"):
        return Preview(file, "table", _rows(text))
    return Preview(file, "text", [], text[:_TEXT])


def _rows(text: str) -> list[list[str]]:
    try:
        found = csv.reader(io.StringIO(text))
        return [
            [cell[:_CELL] for cell in row[:_COLUMNS]]
            for _, row in zip(range(_ROWS), found, strict=False)
        ]
    except csv.Error:
        return []


def pretty(document: bytes) -> str:
    """Return JSON with line breaks; numbers keep every digit they came with."""
    try:
        return msgspec.json.format(document, indent=2).decode(errors="replace")
    except msgspec.DecodeError:
        return document.decode(errors="replace")
