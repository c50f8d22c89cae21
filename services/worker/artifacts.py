"""Keeps what tasks make, and tells jobs where it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contracts.fields import FileReference
from shared.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.storage.storage import Storage

_CHUNK_BYTES = 1024 * 1024


def keep(
    content: Path | Iterable[bytes] | bytes,
    *,
    name: str,
    content_type: str,
    storage: Storage,
) -> FileReference:
    """Store a result, whole or not at all.

    Args:
        content: The result, or the file that holds it.
        name: What people call it.
        content_type: Its media type.
        storage: Where to.

    Raises:
        StoredFileTooLargeError: When it has more bytes than allowed.
        StorageError: When the store can't write.
    """
    chunks = _chunks(content) if isinstance(content, Path) else content
    file = storage.put(chunks, name=name, content_type=content_type)
    return FileReference(
        id=file.id, name=file.name, content_type=file.content_type, size=file.size
    )


def discard(file: FileReference, *, storage: Storage) -> None:
    """Remove a result after an error; the error matters more than wasted space."""
    with suppress(StorageError):
        storage.delete(file.id)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
