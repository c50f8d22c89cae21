"""Has pictures made in the sandbox and stores them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from services.worker import artifacts, sandbox
from services.worker.media import sources
from services.worker.sandboxed.orders import PicturePart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.worker.context import JobContext
    from services.worker.media.sources import MediaSource
    from services.worker.sandboxed.orders import Order
    from shared.contracts.fields import FileReference
    from shared.contracts.picture_source import FromFileOrAddress

#: Largest picture that is fetched from the web, in bytes.
MAX_FETCHED_BYTES = 50 * 1024 * 1024

#: How much longer than the job a child may live, in seconds: the job's own time limit
#: goes first, so that the job fails for being late and not for a killed child.
_AFTER_THE_JOB_S = 0.5
_SUFFIXES = {"jpeg": "jpg"}


@dataclass(frozen=True)
class StoredPicture:
    """A picture that was made.

    Attributes:
        part: What it is.
        file: Where it is.
    """

    part: PicturePart
    file: FileReference


@contextmanager
def opened(data: FromFileOrAddress, context: JobContext) -> Iterator[MediaSource]:
    """Lend the picture of a job, from the store or from the web.

    Raises:
        UnrecoverableError: When there is none.
        FetchError: When it can't be fetched now.
    """
    with sources.opened(
        data, context, what="image", max_bytes=MAX_FETCHED_BYTES
    ) as source:
        yield source


def make(
    order: Order,
    *,
    source: MediaSource,
    context: JobContext,
    on_stored: Callable[[int], None] | None = None,
) -> list[StoredPicture]:
    """Make the pictures of an order; all of them are stored, or none stays.

    Args:
        order: What to make.
        source: What to make them of.
        context: The job.
        on_stored: Called with the number of pictures so far, after each.

    Raises:
        UnrecoverableError: When the source can't be worked on.
        SandboxError: When the sandbox failed.
        StorageError: When the store failed.
    """
    made: list[StoredPicture] = []
    try:
        with sandbox.SHARED.run(
            order,
            sandbox.Source(source.chunks, source.size),
            max_part_bytes=context.storage.max_bytes,
            deadline=context.deadline + _AFTER_THE_JOB_S,
            is_cancelled=lambda: context.cancelled,
        ) as frames:
            for frame in frames:
                part = msgspec.convert(_without_kind(frame.header), PicturePart)
                file = _store(context, part, frame.body, source_name=source.name)
                made.append(StoredPicture(part, file))
                if on_stored is not None:
                    on_stored(len(made))
    except BaseException:
        _remove(context, made)
        raise
    return made


def _without_kind(header: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in header.items() if name != "kind"}


def _store(
    context: JobContext, part: PicturePart, content: bytes, *, source_name: str
) -> FileReference:
    stem = PurePath(source_name).stem
    size = f"-{part.size}" if part.size else ""
    return artifacts.keep(
        content,
        name=f"{stem}{size}.{_SUFFIXES.get(part.format, part.format)}",
        content_type=f"image/{part.format}",
        storage=context.storage,
    )


def _remove(context: JobContext, made: list[StoredPicture]) -> None:
    for picture in made:
        artifacts.discard(picture.file, storage=context.storage)
