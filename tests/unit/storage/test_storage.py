from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from shared import clock
from shared.errors import (
    StorageError,
    StoredFileNotFoundError,
    StoredFileTooLargeError,
)
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "files", max_bytes=10_000_000)


def files_in(folder: Path) -> list[str]:
    return sorted(file for _, _, files in os.walk(folder) for file in files)


def test_nothing_is_created_before_the_first_use(
    storage: Storage, tmp_path: Path
) -> None:
    assert storage.max_bytes == 10_000_000
    assert not (tmp_path / "files").exists()


def test_a_file_comes_back_as_it_went_in(storage: Storage) -> None:
    before = clock.now_ms()
    file = storage.put(b"hello", name="a.txt", content_type="text/plain")

    assert storage.read(file.id) == b"hello"
    assert storage.stat(file.id) == file
    assert (file.name, file.content_type, file.size) == ("a.txt", "text/plain", 5)
    assert before <= file.created <= clock.now_ms()


@pytest.mark.parametrize("size", [0, 1, 1_048_576, 7_000_001])
def test_a_file_of_any_size_can_be_streamed_in_and_out(
    storage: Storage, size: int
) -> None:
    content = os.urandom(size)
    pieces = (content[start : start + 65_536] for start in range(0, size, 65_536))

    file = storage.put(pieces, name="x", content_type="x/y")

    assert file.size == size
    assert b"".join(storage.stream(file.id)) == content


def test_a_too_large_file_leaves_nothing_behind(
    storage: Storage, tmp_path: Path
) -> None:
    endless: Iterator[bytes] = iter(lambda: b"x" * 1_000_000, b"")

    with pytest.raises(StoredFileTooLargeError, match="10,000,000 bytes at most"):
        storage.put(endless, name="x", content_type="x/y")

    assert files_in(tmp_path) == []


def test_a_broken_upload_leaves_nothing_behind(
    storage: Storage, tmp_path: Path
) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        message = "the client went away"
        raise ConnectionAbortedError(message)

    with pytest.raises(ConnectionAbortedError, match="the client went away"):
        storage.put(broken(), name="x", content_type="x/y")

    assert files_in(tmp_path) == []


def test_a_file_is_invisible_until_it_is_whole(
    storage: Storage, tmp_path: Path
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield b"x" * 6_000_000
        reached.set()
        assert go_on.wait(10)
        yield b"y"

    writer = threading.Thread(
        target=lambda: storage.put(slow(), name="x", content_type="x/y")
    )
    writer.start()
    assert reached.wait(10)
    halfway = files_in(tmp_path)
    go_on.set()
    writer.join()

    assert [name for name in halfway if name.endswith(".json")] == []
    assert len(files_in(tmp_path)) == 2


@pytest.mark.parametrize(
    "file_id",
    ["", "x", "../../etc/passwd", "38g4c82tt2rt3dgycs4m\n", "0" * 20, "U" * 20],
)
def test_an_id_that_no_file_has_is_not_found(storage: Storage, file_id: str) -> None:
    for method in (storage.stat, storage.read, storage.stream, storage.delete):
        with pytest.raises(StoredFileNotFoundError):
            method(file_id)


def test_a_deleted_file_is_gone(storage: Storage, tmp_path: Path) -> None:
    file = storage.put(b"hello", name="a.txt", content_type="text/plain")
    storage.delete(file.id)

    with pytest.raises(StoredFileNotFoundError):
        storage.read(file.id)
    with pytest.raises(StoredFileNotFoundError):
        storage.delete(file.id)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\photo.jpg", "photo.jpg"),
        ("a\r\nb\x00.txt", "ab.txt"),
        ("", "file"),
        ("..", "file"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_name_is_one_printable_line_without_folders(
    storage: Storage, given: str, kept: str
) -> None:
    assert storage.put(b"", name=given, content_type="x/y").name == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Text/Plain; charset=utf-8", "text/plain"),
        ("", "application/octet-stream"),
        ("a/b\r\nX: y", "application/octet-stream"),
        ("image/svg+xml", "image/svg+xml"),
    ],
)
def test_a_content_type_is_bare_or_the_general_one(
    storage: Storage, given: str, kept: str
) -> None:
    assert storage.put(b"", name="x", content_type=given).content_type == kept


def test_a_folder_that_can_t_be_used_is_reported_as_such(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, no folder")
    storage = Storage(tmp_path / "taken", max_bytes=10)

    with pytest.raises(StorageError, match="can't be used"):
        storage.put(b"x", name="x", content_type="x/y")


def test_many_threads_may_write_at_once(storage: Storage) -> None:
    ids: list[str] = []
    threads = [
        threading.Thread(
            target=lambda text=text: ids.append(
                storage.put(text, name="x", content_type="x/y").id
            )
        )
        for text in [str(n).encode() for n in range(16)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(int(storage.read(one)) for one in ids) == list(range(16))
