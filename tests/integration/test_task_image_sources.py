from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from services.worker import sandbox
from services.worker.media.fetching import FetchError
from services.worker.tasks import compress_image, generate_thumbnails, process_image
from shared.contracts.tasks.compress_image import CompressImage
from shared.contracts.tasks.generate_thumbnails import GenerateThumbnails
from shared.contracts.tasks.process_image import ProcessImage
from shared.errors import InvalidDataError, UnrecoverableError
from tests.support.contexts import make_context
from tests.support.file_server import FileServer, Page, serving
from tests.support.photos import example, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.worker.context import JobContext


@pytest.fixture(scope="module", autouse=True)
def _the_sandbox_ends_with_the_tests() -> Iterator[None]:
    yield
    sandbox.SHARED.close()


@pytest.fixture
def web() -> Iterator[FileServer]:
    with serving({"/a/rocket.jpg": Page(example("rocket.jpg"))}) as server:
        yield server


def context_in(folder: Path, **settings: Any) -> JobContext:
    return make_context(folder, nightshift_webhook_allow_private=True, **settings)


def files_in(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


def test_a_picture_is_fetched_from_its_address(tmp_path: Path, web: FileServer) -> None:
    context = context_in(tmp_path)

    done = process_image.run(
        ProcessImage(url=web.url("/a/rocket.jpg"), width=100, thumbnail=32), context
    )
    small = generate_thumbnails.run(
        GenerateThumbnails(url=web.url("/a/rocket.jpg"), sizes=[64]), context
    )

    content = context.storage.read(done.file.id)
    assert opened(content).size == (done.width, done.height)
    assert done.file.name == "rocket.jpg"
    assert (done.bytes, done.format, done.frames) == (len(content), "jpeg", 1)
    assert done.thumbnail is not None
    thumbnail = opened(context.storage.read(done.thumbnail.file.id))
    assert thumbnail.size == (done.thumbnail.width, done.thumbnail.height)
    assert max(thumbnail.size) == 32
    assert small.thumbnails[0].bytes == small.thumbnails[0].file.size


def test_a_picture_is_compressed_into_its_budget(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    photo = example("rocket.jpg")
    source = context.storage.put(photo, name="r.jpg", content_type="image/jpeg")

    done = compress_image.run(
        CompressImage(source=source.id, max_bytes=20_000), context
    )

    assert done.bytes == context.storage.stat(done.file.id).size <= 20_000
    assert done.was_bytes == len(photo)
    assert opened(context.storage.read(done.file.id)).format == "WEBP"


def test_redirects_are_followed_three_times_and_checked(
    tmp_path: Path, web: FileServer
) -> None:
    for number in range(5):
        web.pages[f"/{number}"] = Page(
            status=302, headers={"location": f"/{number + 1}"}
        )
    web.pages["/5"] = Page(example("rocket.jpg"))
    web.pages["/inside"] = Page(
        status=302, headers={"location": "file:///etc/hostname"}
    )
    web.pages["/nowhere"] = Page(status=302)
    context = context_in(tmp_path)

    done = process_image.run(ProcessImage(url=web.url("/2"), width=10), context)
    assert done.width == 10
    for path, reason in (
        ("/1", "more than 3 times"),
        ("/inside", "must start with https"),
        ("/nowhere", "leads on to nowhere"),
    ):
        with pytest.raises(UnrecoverableError, match=reason):
            process_image.run(ProcessImage(url=web.url(path), width=10), context)


def test_an_address_inside_is_not_called(tmp_path: Path, web: FileServer) -> None:
    context = make_context(tmp_path)
    for url in (
        web.url("/a/rocket.jpg"),
        "http://127.0.0.1/x",
        "http://[::ffff:127.0.0.1]/x",
        "http://169.254.169.254/latest",
        "http://2130706433/",
    ):
        with pytest.raises(UnrecoverableError):
            process_image.run(ProcessImage(url=url, width=10), context)

    assert web.asked == []


@pytest.mark.parametrize(
    ("page", "error", "reason"),
    [
        (Page(status=404), UnrecoverableError, "answered 404"),
        (Page(status=503), FetchError, "answered 503"),
        (Page(status=429), FetchError, "answered 429"),
        (Page(b"<html>"), UnrecoverableError, "not a JPEG, PNG, WebP or GIF"),
        (
            Page(headers={"content-length": "99999999999"}),
            UnrecoverableError,
            "more than 50 MB",
        ),
        (Page(b"x" * 1_000_000, is_endless=True), UnrecoverableError, "than 50 MB"),
        (
            Page(b"x", headers={"content-encoding": "gzip"}),
            UnrecoverableError,
            "compressed its answer",
        ),
    ],
    ids=["missing", "down", "busy", "page", "announced", "endless", "packed"],
)
def test_what_can_t_be_fetched_fails_with_a_reason(
    tmp_path: Path, web: FileServer, page: Page, error: type[Exception], reason: str
) -> None:
    web.pages["/odd"] = page

    with pytest.raises(error, match=reason):
        process_image.run(
            ProcessImage(url=web.url("/odd"), width=10), context_in(tmp_path)
        )

    assert files_in(tmp_path) == 0


def test_a_server_that_is_gone_is_worth_another_attempt(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="can't be fetched from"):
        process_image.run(
            ProcessImage(url="http://127.0.0.1:1/x.png", width=10),
            context_in(tmp_path),
        )


@pytest.mark.parametrize(
    "place", [b"{}", b'{"source":"38g4c82tt2rt3dgycs4m","url":"https://a.example/"}']
)
def test_a_picture_comes_from_exactly_one_place(place: bytes) -> None:
    with pytest.raises(InvalidDataError, match="needs source"):
        ProcessImage.parse(place, pointer="/data")
