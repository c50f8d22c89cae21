from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from services.worker import sandbox
from services.worker.sandbox_conversation import SandboxStoppedError
from services.worker.tasks import generate_thumbnails, process_image
from shared.contracts.tasks.generate_thumbnails import GenerateThumbnails
from shared.contracts.tasks.process_image import ProcessImage
from shared.errors import StoredFileTooLargeError, UnrecoverableError
from tests.support.contexts import Notebook, make_context
from tests.support.photos import encoded, example, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.worker.context import JobContext
    from shared.contracts.fields import FileReference


@pytest.fixture(scope="module", autouse=True)
def _the_sandbox_ends_with_the_tests() -> Iterator[None]:
    yield
    sandbox.SHARED.close()


def stored(context: JobContext, content: bytes, name: str = "photo.jpg") -> str:
    return context.storage.put(content, name=name, content_type="image/jpeg").id


def fetched(context: JobContext, file: FileReference) -> Image.Image:
    content = context.storage.read(file.id)
    assert len(content) == file.size
    return opened(content)


def files_in(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp", "avif"])
def test_a_photo_is_resized_converted_and_stored(
    tmp_path: Path, image_format: Any
) -> None:
    context = make_context(tmp_path)
    source = stored(context, example("rocket.jpg"), "rocket.jpg")

    done = process_image.run(
        ProcessImage(
            source=source, width=300, height=300, fit="cover", format=image_format
        ),
        context,
    )

    image = fetched(context, done.file)
    suffix = "jpg" if image_format == "jpeg" else image_format
    assert (done.width, done.height) == image.size == (300, 300)
    assert image.format == image_format.upper()
    assert not image.getexif()
    assert done.file.name == f"rocket.{suffix}"
    assert done.file.content_type == f"image/{image_format}"
    assert context.storage.stat(done.file.id).name == done.file.name


def test_thumbnails_are_stored_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    notebook = Notebook()
    context = make_context(tmp_path, notebook=notebook)
    source = stored(context, example("chelsea.png"), "chelsea.png")

    done = generate_thumbnails.run(GenerateThumbnails(source=source), context)

    assert [thumbnail.size for thumbnail in done.thumbnails] == [150, 300, 600]
    assert [thumbnail.file.name for thumbnail in done.thumbnails] == [
        "chelsea-150.webp",
        "chelsea-300.webp",
        "chelsea-600.webp",
    ]
    longest = max(opened(example("chelsea.png")).size)
    for thumbnail in done.thumbnails:
        image = fetched(context, thumbnail.file)
        assert (thumbnail.width, thumbnail.height) == image.size
        assert max(image.size) == min(thumbnail.size, longest)
        assert image.format == "WEBP"
    assert notebook.reports == [33, 67, 100]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello", "not a JPEG, PNG, WebP or GIF image"),
        (example("rocket.jpg")[:40_000], "damaged"),
        (
            encoded(Image.new("1", (13_000, 13_000)), "PNG"),
            "more than 40 million pixels",
        ),
    ],
    ids=["text", "cut off", "bomb"],
)
def test_a_bad_image_fails_for_good_with_a_clear_sentence(
    tmp_path: Path, content: bytes, message: str
) -> None:
    context = make_context(tmp_path)
    source = stored(context, content)
    before = files_in(tmp_path)

    for task, data in (
        (process_image, ProcessImage(source=source, width=10)),
        (generate_thumbnails, GenerateThumbnails(source=source)),
    ):
        with pytest.raises(UnrecoverableError, match=message):
            task.run(data, context)  # type: ignore[attr-defined]

    assert files_in(tmp_path) == before


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnrecoverableError, match=r"There is no file 0{20}"):
        process_image.run(ProcessImage(source="0" * 20), make_context(tmp_path))


def test_thumbnails_that_can_t_all_be_stored_leave_none(tmp_path: Path) -> None:
    source_context = make_context(tmp_path)
    source = stored(source_context, example("rocket.jpg"))
    before = files_in(tmp_path)

    class Full(Notebook):
        def progress(self, progress: bytes) -> None:
            super().progress(progress)
            if len(self.reports) == 2:
                message = "no room"
                raise StoredFileTooLargeError(message)

    with pytest.raises(StoredFileTooLargeError):
        generate_thumbnails.run(
            GenerateThumbnails(source=source), make_context(tmp_path, notebook=Full())
        )

    assert files_in(tmp_path) == before


def test_a_cancelled_job_leaves_nothing(tmp_path: Path) -> None:
    context = make_context(tmp_path, notebook=Notebook(cancel_after=1))
    source = stored(context, example("rocket.jpg"))
    before = files_in(tmp_path)

    # The largest WebP is ready long before the last AVIF-sized one.
    with pytest.raises(SandboxStoppedError):
        generate_thumbnails.run(
            GenerateThumbnails(source=source, sizes=[640, 600, 580], format="avif"),
            context,
        )

    assert files_in(tmp_path) == before
