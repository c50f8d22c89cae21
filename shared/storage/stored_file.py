"""What is known about a stored file."""

from __future__ import annotations

import re

import msgspec

from shared.errors import StoredFileNotFoundError
from shared.ids import ALPHABET, LENGTH

_ID = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: What a file is when nobody knows.
ANY_CONTENT = "application/octet-stream"
#: Longest name that is kept, in characters.
MAX_NAME = 200


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file's description; its id is the only way to its content.

    Attributes:
        id: Opaque, never derived from the name.
        name: What people call it; one line, no folders.
        content_type: Media type without parameters.
        size: Bytes.
        created: Epoch milliseconds.
    """

    id: str
    name: str
    content_type: str
    size: int
    created: int


def check_id(file_id: str) -> str:
    """Return `file_id` if it can be a file's.

    Raises:
        StoredFileNotFoundError: When it can't: no file has such an id.
    """
    if not _ID.fullmatch(file_id):
        message = "No stored file has this id."
        raise StoredFileNotFoundError(message)
    return file_id


def clean_name(name: str) -> str:
    """Return the last part of a path as one printable line, never empty."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    cleaned = _UNPRINTABLE.sub("", last).strip()[:MAX_NAME]
    return cleaned if cleaned.strip(".") else "file"


def clean_content_type(content_type: str) -> str:
    """Return the media type without parameters, or the one for any content."""
    bare = content_type.split(";", 1)[0].strip().lower()
    return bare if _MEDIA_TYPE.fullmatch(bare) else ANY_CONTENT
