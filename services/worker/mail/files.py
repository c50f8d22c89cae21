"""Stored files that travel with a message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.worker.mail.headers import checked
from shared.errors import StoredFileNotFoundError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.storage.storage import Storage
    from shared.storage.stored_file import StoredFile

#: Most bytes of all files of a message; few mail servers take more.
MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024
#: What mail readers show inside a text.
PICTURE_TYPES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message.

    Attributes:
        name: Its name.
        content_type: Its media type.
        content: Its bytes.
    """

    name: str
    content_type: str
    content: bytes

    @property
    def media_type(self) -> tuple[str, str]:
        """Main type and subtype."""
        maintype, _, subtype = self.content_type.partition("/")
        # Messages and multiparts have structure of their own; as bytes they are any
        # file.
        if maintype in ("message", "multipart") or not subtype:
            return "application", "octet-stream"
        return maintype, subtype


@dataclass(frozen=True)
class Enclosed:
    """The files of one message.

    Attributes:
        attachments: Files beside the text, in order.
        pictures: Pictures in the text, by name.
    """

    attachments: Sequence[Attachment] = ()
    pictures: Mapping[str, Attachment] | None = None


def enclose(
    attachments: Sequence[str], pictures: Mapping[str, str], storage: Storage
) -> Enclosed:
    """Read stored files, given by their ids.

    Raises:
        UnrecoverableError: When one is missing, they are too large together, or one
            that should be a picture is none.
    """
    try:
        beside = [storage.stat(file_id) for file_id in attachments]
        inside = {name: storage.stat(file_id) for name, file_id in pictures.items()}
        _check(beside, inside)
        return Enclosed(
            [_read(file, storage) for file in beside],
            {name: _read(file, storage) for name, file in inside.items()},
        )
    except StoredFileNotFoundError:
        message = "An attachment doesn't exist; upload it first."
        raise UnrecoverableError(message) from None


def _check(beside: Sequence[StoredFile], inside: Mapping[str, StoredFile]) -> None:
    if sum(file.size for file in (*beside, *inside.values())) > MAX_ATTACHMENT_BYTES:
        megabytes = MAX_ATTACHMENT_BYTES // (1024 * 1024)
        message = f"The attachments have more than {megabytes} MB together."
        raise UnrecoverableError(message)
    for name, file in inside.items():
        if file.content_type not in PICTURE_TYPES:
            message = (
                f"The inline image {name!r} is {file.content_type}; mail readers show "
                f"{', '.join(sorted(PICTURE_TYPES))}."
            )
            raise UnrecoverableError(message)


def _read(file: StoredFile, storage: Storage) -> Attachment:
    name = checked("attachment name", file.name)
    return Attachment(name, file.content_type, storage.read(file.id))
