"""The file that a job is about: from the store, or fetched from the web."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.worker.media import fetching
from shared.errors import StoredFileNotFoundError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.worker.context import JobContext
    from shared.contracts.picture_source import FromFileOrAddress


@dataclass(frozen=True)
class MediaSource:
    """A file to work on; its content can be taken once.

    Attributes:
        name: What people call it.
        size: Bytes.
        chunks: Its content.
    """

    name: str
    size: int
    chunks: Iterable[bytes]


@contextmanager
def opened(
    data: FromFileOrAddress, context: JobContext, *, what: str, max_bytes: int
) -> Iterator[MediaSource]:
    """Lend the file that a job names.

    Args:
        data: Names it.
        context: The job.
        what: What kind of file it is, for messages.
        max_bytes: How much of it is fetched from the web, in bytes.

    Raises:
        UnrecoverableError: When it doesn't exist, or must not be fetched.
        FetchError: When it can't be fetched now.
    """
    if data.url is not None:
        with fetching.fetched(
            data.url,
            deadline=context.deadline,
            allow_private=context.settings.nightshift_webhook_allow_private,
            max_bytes=max_bytes,
            is_cancelled=lambda: context.cancelled,
        ) as found:
            yield MediaSource(found.name, found.size, found.chunks())
    else:
        yield _stored(str(data.source), context, what=what)


def _stored(file_id: str, context: JobContext, *, what: str) -> MediaSource:
    try:
        file = context.storage.stat(file_id)
        chunks = context.storage.stream(file_id)
    except StoredFileNotFoundError:
        message = f"There is no file {file_id}; upload the {what} first."
        raise UnrecoverableError(message) from None
    return MediaSource(file.name, file.size, chunks)
