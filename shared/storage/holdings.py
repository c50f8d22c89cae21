"""What lies in a file store: whole files, and what is left of others."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import obstore
from obstore.exceptions import BaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

    from shared.storage.places import Place

_BATCH = 1_000
_CONTENT, _ABOUT, _SUFFIX = "content", "about", ".json"


def content_path(file_id: str) -> str:
    """Return where a file's content lies."""
    return f"{_CONTENT}/{file_id}"


def about_path(file_id: str) -> str:
    """Return where a file's description lies."""
    return f"{_ABOUT}/{file_id}{_SUFFIX}"


class Held(NamedTuple):
    """One half of a file.

    Attributes:
        id: The file's id.
        size: Bytes.
        written_ms: When it was written, epoch milliseconds.
    """

    id: str
    size: int
    written_ms: int


class Holdings:
    """A view of everything that a store holds."""

    def __init__(self, place: Place, store: ObjectStore) -> None:
        """Look at `store`, which `place` opened."""
        self._place = place
        self._store = store

    def contents(self) -> Iterator[Held]:
        """Give the contents, in no order."""
        return self._listed(_CONTENT)

    def descriptions(self) -> Iterator[Held]:
        """Give the descriptions, in no order."""
        return self._listed(_ABOUT)

    def discard(self, file_id: str) -> None:
        """Remove whatever there is of a file: first what makes it visible."""
        for path in (about_path(file_id), content_path(file_id)):
            with suppress(FileNotFoundError, BaseError):
                obstore.delete(self._store, path)

    def discard_staged(self, *, before_ms: int, dry_run: bool) -> list[tuple[str, int]]:
        """Remove what writers that died left behind; return names and sizes."""
        found = []
        for file in self._place.staged():
            with suppress(FileNotFoundError):
                about = file.stat()
                if about.st_mtime * 1000 < before_ms:
                    if not dry_run:
                        file.unlink()
                    found.append((file.name, about.st_size))
        return found

    def _listed(self, folder: str) -> Iterator[Held]:
        for batch in obstore.list(self._store, folder, chunk_size=_BATCH):
            for found in batch:
                name = found["path"].rpartition("/")[2].removesuffix(_SUFFIX)
                written_ms = round(found["last_modified"].timestamp() * 1000)
                yield Held(name, found["size"], written_ms)
