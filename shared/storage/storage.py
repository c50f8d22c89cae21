"""Files by id, in a folder or a bucket; whole or not at all."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec
import obstore
from obstore.exceptions import BaseError

from shared import clock, ids
from shared.errors import (
    StorageError,
    StoredFileNotFoundError,
    StoredFileTooLargeError,
)
from shared.storage.holdings import Holdings, about_path, content_path
from shared.storage.places import Folder
from shared.storage.stored_file import (
    StoredFile,
    check_id,
    clean_content_type,
    clean_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from obstore.store import ObjectStore

    from shared.storage.places import Place

#: Bytes that travel between the store and us at a time.
_CHUNK_BYTES = 1024 * 1024
#: Parts of a file that travel to a bucket at the same time; each has 5 MB.
_PARTS_AT_ONCE = 2


class Storage:
    """Files that are too large for Redis; safe to share between threads.

    The content lies in `content/<id>`, its description in `about/<id>.json`, written
    last: a file exists from the moment its description does.
    """

    def __init__(self, place: Path | Place, *, max_bytes: int) -> None:
        """Use `place`; nothing is opened yet.

        Args:
            place: A folder or a bucket; all services of an installation share it.
            max_bytes: Size of the largest file, in bytes.
        """
        self._place: Place = Folder(place) if isinstance(place, PurePath) else place
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._opened: tuple[int, ObjectStore] | None = None

    @property
    def max_bytes(self) -> int:
        """Size of the largest file, in bytes."""
        return self._max_bytes

    def put(
        self, chunks: Iterable[bytes] | bytes, *, name: str, content_type: str
    ) -> StoredFile:
        """Store a file and return its description.

        Raises:
            StoredFileTooLargeError: When it has more bytes than allowed; nothing stays.
            StorageError: When the store can't write; nothing stays.
        """
        file_id = ids.new_id()
        size = self._write_content(file_id, chunks)
        file = StoredFile(
            id=file_id,
            name=clean_name(name),
            content_type=clean_content_type(content_type),
            size=size,
            created=clock.now_ms(),
        )
        try:
            with _translated_errors():
                obstore.put(
                    self._store(), about_path(file_id), msgspec.json.encode(file)
                )
        except BaseException:
            self._forget_content(file_id)
            raise
        return file

    def stat(self, file_id: str) -> StoredFile:
        """Return a file's description.

        Raises:
            StoredFileNotFoundError: When there is no such file.
            StorageError: When the store can't read.
        """
        check_id(file_id)
        with _translated_errors():
            text = obstore.get(self._store(), about_path(file_id)).bytes()
        return msgspec.json.decode(bytes(text), type=StoredFile)

    def read(self, file_id: str) -> bytes:
        """Return a file's content.

        Raises:
            StoredFileNotFoundError: When there is no such file.
            StorageError: When the store can't read.
        """
        self.stat(file_id)
        with _translated_errors():
            return bytes(obstore.get(self._store(), content_path(file_id)).bytes())

    def stream(self, file_id: str) -> Iterator[bytes]:
        """Return a file's content in pieces; a missing file is noticed at once.

        Raises:
            StoredFileNotFoundError: When there is no such file.
            StorageError: When the store can't read.
        """
        self.stat(file_id)
        with _translated_errors():
            found = obstore.get(self._store(), content_path(file_id))
        return _pieces(found.stream(min_chunk_size=_CHUNK_BYTES))

    def delete(self, file_id: str) -> None:
        """Remove a file.

        Raises:
            StoredFileNotFoundError: When there is no such file.
            StorageError: When the store can't write.
        """
        check_id(file_id)
        with _translated_errors():
            obstore.delete(self._store(), about_path(file_id))
        self._forget_content(file_id)

    def link(self, file_id: str, *, expires_s: int) -> str | None:
        """Return an address to load a file's content from, without a token.

        None when the place has no addresses, as a folder: then the api serves it.

        Raises:
            StoredFileNotFoundError: When there is no such file.
            StorageError: When the store can't read.
        """
        self.stat(file_id)
        with _translated_errors():
            return self._place.link(
                self._store(), content_path(file_id), expires_s=expires_s
            )

    @property
    def holdings(self) -> Holdings:
        """What lies in the place, whole or not, for cleaning up."""
        with _translated_errors():
            return Holdings(self._place, self._store())

    def _write_content(self, file_id: str, chunks: Iterable[bytes] | bytes) -> int:
        written = _Counted(chunks, limit=self._max_bytes)
        try:
            with _translated_errors():
                # The store stages the content under another name and renames it; it
                # removes what it staged when the iterator raises.
                obstore.put(
                    self._store(),
                    content_path(file_id),
                    iter(written),
                    max_concurrency=_PARTS_AT_ONCE,
                )
        except StorageError:
            if written.failure is not None:
                raise written.failure from None
            raise
        return written.size

    def _forget_content(self, file_id: str) -> None:
        # Without a description the content is invisible; failing to remove it
        # wastes space, and the first error matters more.
        with suppress(FileNotFoundError, BaseError):
            obstore.delete(self._store(), content_path(file_id))

    def _store(self) -> ObjectStore:
        with self._lock:
            if self._opened is None:
                self._opened = (os.getpid(), self._place.open())
            process_id, store = self._opened
        if process_id != os.getpid():
            # The store's runtime doesn't survive a fork: a call would hang for ever.
            message = "The file store was opened before this process was forked."
            raise StorageError(message)
        return store


class _Counted:
    """Pieces of content, counted while they pass."""

    def __init__(self, chunks: Iterable[bytes] | bytes, *, limit: int) -> None:
        self._chunks = _sliced(chunks) if isinstance(chunks, bytes) else chunks
        self._limit = limit
        self.size = 0
        #: What the giver of the pieces raised; that is not the store's failure.
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._within_the_limit()
        except Exception as error:
            self.failure = error
            raise

    def _within_the_limit(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._limit:
                message = f"A file may have {self._limit:,} bytes at most."
                raise StoredFileTooLargeError(message)
            yield chunk


def _sliced(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _CHUNK_BYTES):
        yield content[start : start + _CHUNK_BYTES]


def _pieces(stream: Iterable[object]) -> Iterator[bytes]:
    with _translated_errors():
        for piece in stream:
            yield bytes(piece)  # type: ignore[call-overload]  # a buffer


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        message = "No stored file has this id."
        raise StoredFileNotFoundError(message) from None
    except (OSError, BaseError) as error:
        reason = str(error).split("\n", 1)[0]
        message = f"The file store can't be used: {reason}"
        raise StorageError(message) from error
