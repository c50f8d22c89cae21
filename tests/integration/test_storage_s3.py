"""Files in a bucket, on moto's S3 server; and a server that misbehaves."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx2
import obstore
import pytest
from moto.server import ThreadedMotoServer

from services.worker.settings import WorkerSettings
from services.worker.tasks import orphaned_artifacts
from shared import ids
from shared.contracts.tasks.orphaned_artifacts import OrphanedArtifacts
from shared.errors import (
    StorageError,
    StoredFileNotFoundError,
    StoredFileTooLargeError,
)
from shared.storage import places
from shared.storage.opening import open_storage
from shared.storage.places import Bucket, Folder
from shared.storage.storage import Storage
from tests.support.contexts import make_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

#: With its first request moto loads its S3, which takes seconds on a busy machine.
LOADING_S = 60


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str) -> Bucket:
    name = f"bucket-{ids.new_id()}"
    httpx2.put(f"{endpoint}/{name}", timeout=LOADING_S).raise_for_status()
    return Bucket(
        name=name,
        prefix="night/shift",
        endpoint=endpoint,
        access_key_id="test",
        secret_access_key="test",
    )


@pytest.fixture
def storage(bucket: Bucket) -> Storage:
    return Storage(bucket, max_bytes=20_000_000)


def keys_in(bucket: Bucket) -> list[str]:
    whole = replace(bucket, prefix="").open()
    return sorted(one["path"] for batch in obstore.list(whole) for one in batch)


def unfinished_uploads(bucket: Bucket) -> int:
    answer = httpx2.get(f"{bucket.endpoint}/{bucket.name}?uploads", timeout=LOADING_S)
    return answer.raise_for_status().content.count(b"<UploadId>")


@pytest.mark.parametrize("size", [0, 1, 5 << 20, (12 << 20) + 1])
def test_a_file_comes_back_as_it_went_in(
    storage: Storage, bucket: Bucket, size: int
) -> None:
    content = os.urandom(size)
    pieces = (content[start : start + 65_536] for start in range(0, size, 65_536))
    file = storage.put(pieces, name="a.bin", content_type="image/png")

    assert storage.read(file.id) == content
    assert b"".join(storage.stream(file.id)) == content
    assert storage.stat(file.id) == file
    assert keys_in(bucket) == [
        f"night/shift/about/{file.id}.json",
        f"night/shift/content/{file.id}",
    ]


def test_a_deleted_file_is_gone(storage: Storage, bucket: Bucket) -> None:
    file = storage.put(b"x", name="x", content_type="")
    storage.delete(file.id)

    for method in (storage.stat, storage.read, storage.stream):
        with pytest.raises(StoredFileNotFoundError):
            method(file.id)
    assert keys_in(bucket) == []


@pytest.mark.parametrize("size", [1_000_000, 30_000_000])
def test_a_broken_upload_leaves_nothing_behind(
    storage: Storage, bucket: Bucket, size: int
) -> None:
    def broken() -> Iterator[bytes]:
        for _ in range(0, size, 1_000_000):
            yield b"x" * 1_000_000
        message = "the client went away"
        raise ConnectionAbortedError(message)

    with pytest.raises((ConnectionAbortedError, StoredFileTooLargeError)):
        storage.put(broken(), name="x", content_type="")

    assert keys_in(bucket) == []
    assert unfinished_uploads(bucket) == 0


def test_a_link_loads_the_file_until_it_expires(storage: Storage) -> None:
    file = storage.put(b"hello", name="x", content_type="")
    link = storage.link(file.id, expires_s=60)

    assert link is not None
    assert "X-Amz-Signature" in link
    assert httpx2.get(link).raise_for_status().content == b"hello"
    with pytest.raises(StoredFileNotFoundError):
        storage.link("0" * 20, expires_s=60)


def test_a_folder_has_no_links(tmp_path: Path) -> None:
    storage = Storage(Folder(tmp_path), max_bytes=100)
    file = storage.put(b"hello", name="x", content_type="")

    assert storage.link(file.id, expires_s=60) is None


def test_halves_of_files_are_found(
    bucket: Bucket, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    storage = Storage(bucket, max_bytes=100)
    whole, torn = (storage.put(b"x", name="x", content_type="").id for _ in range(2))
    obstore.delete(bucket.open(), f"about/{torn}.json")
    holdings = storage.holdings

    assert {held.id for held in holdings.contents()} == {whole, torn}
    assert {held.id for held in holdings.descriptions()} == {whole}
    context = replace(
        make_context(tmp_path, client=client, namespace=namespace), storage=storage
    )
    # Both are young, and may be in the making.
    assert orphaned_artifacts.run(OrphanedArtifacts(), context).removed == 0
    holdings.discard(torn)
    assert {held.id for held in holdings.contents()} == {whole}


def test_a_setting_chooses_the_place(bucket: Bucket, tmp_path: Path) -> None:
    def opened(**more: Any) -> Storage:
        return open_storage(
            WorkerSettings(
                redis_url="redis://x", nightshift_storage_dir=tmp_path, **more
            )
        )

    here = opened()
    there = opened(
        nightshift_storage_url=f"s3://{bucket.name}/a/b/",
        nightshift_s3_endpoint=bucket.endpoint,
        nightshift_s3_access_key_id="test",
        nightshift_s3_secret_access_key="test",
        nightshift_max_file_mb=1,
    )
    here.put(b"x", name="x", content_type="")
    file = there.put(b"x", name="x", content_type="")

    assert len([f for f in tmp_path.rglob("*") if f.is_file()]) == 2
    assert f"a/b/content/{file.id}" in keys_in(bucket)
    assert there.max_bytes == 1 << 20


class Difficult:
    """An S3 server that answers with trouble, or not at all."""

    def __init__(self, *, status: int | None, drips: bool = False) -> None:
        self.asked = 0
        self._done = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                self.rfile.read(int(self.headers.get("content-length", "0")))
                if status is None:
                    outer._done.wait(30)
                    return
                self.send_response(status)
                self.send_header("content-length", "1000" if drips else "0")
                self.send_header("last-modified", "Sun, 22 Nov 2026 20:00:00 GMT")
                self.send_header("etag", '"1"')
                self.end_headers()
                with contextlib.suppress(OSError):
                    while drips and not outer._done.wait(0.05):
                        self.wfile.write(b" ")

            do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815 - their names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Bucket:
        self._thread.start()
        return Bucket(
            name="bucket",
            endpoint=f"http://127.0.0.1:{self._server.server_port}",
            access_key_id="test",
            secret_access_key="test",
        )

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_REQUEST_S", 1)
    monkeypatch.setattr(places, "_RETRY_S", 1)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("status", [500, 503, 403, None])
def test_a_bucket_in_trouble_is_reported_in_time_and_worth_another_attempt(
    status: int | None,
) -> None:
    with Difficult(status=status) as bucket:
        started = time.monotonic()
        with pytest.raises(StorageError, match="can't be used"):
            Storage(bucket, max_bytes=100).put(b"x", name="x", content_type="")

        assert time.monotonic() - started < 15


@pytest.mark.usefixtures("hurry")
def test_a_bucket_that_drips_is_left_in_time() -> None:
    with Difficult(status=200, drips=True) as bucket:
        started = time.monotonic()
        with pytest.raises(StorageError, match="can't be used"):
            Storage(bucket, max_bytes=100).read("38g4c82tt2rt3dgycs4m")

        assert time.monotonic() - started < 15


@pytest.mark.usefixtures("hurry")
def test_a_bucket_that_is_not_there_is_reported_in_time() -> None:
    bucket = Bucket(
        name="bucket",
        endpoint="http://127.0.0.1:1",
        access_key_id="test",
        secret_access_key="test",
    )
    started = time.monotonic()
    with pytest.raises(StorageError, match="can't be used"):
        Storage(bucket, max_bytes=100).stat("38g4c82tt2rt3dgycs4m")

    assert time.monotonic() - started < 15
