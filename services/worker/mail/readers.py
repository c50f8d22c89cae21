"""The readers of a mail to many, from a list or from a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.tasks.send_bulk_email import Recipient
from shared.errors import (
    InvalidDataError,
    StoredFileNotFoundError,
    UnrecoverableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.contracts.tasks.send_bulk_email import SendBulkEmail
    from shared.storage.storage import Storage

#: Most readers of one mail.
MAX_READERS = 1_000_000
_LONGEST_LINE = 64 * 1024


@dataclass(frozen=True)
class Line:
    """One line of the list.

    Attributes:
        number: From 1.
        recipient: The reader; None when the line is wrong.
        problem: What is wrong with it.
    """

    number: int
    recipient: Recipient | None
    problem: str = ""


def count(data: SendBulkEmail, storage: Storage) -> int:
    """Return the number of lines.

    Raises:
        UnrecoverableError: When the file doesn't exist or is too long.
    """
    number = sum(1 for _ in _texts(data, storage))
    if number > MAX_READERS:
        message = f"The list has more than {MAX_READERS:,} readers."
        raise UnrecoverableError(message)
    return number


def read(data: SendBulkEmail, storage: Storage, *, after: int) -> Iterator[Line]:
    """Give the lines beyond number `after`.

    Raises:
        UnrecoverableError: When the file doesn't exist.
    """
    for number, text in enumerate(_texts(data, storage), start=1):
        if number > after:
            yield _parsed(number, text)


def _texts(data: SendBulkEmail, storage: Storage) -> Iterator[bytes | Recipient]:
    if data.recipients_file is None:
        yield from data.recipients
        return
    try:
        yield from _lines(storage.stream(data.recipients_file))
    except StoredFileNotFoundError:
        message = "The file of the readers doesn't exist; upload it first."
        raise UnrecoverableError(message) from None


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > _LONGEST_LINE:
            message = f"A line of the readers' file is longer than {_LONGEST_LINE:,}."
            raise UnrecoverableError(message)
    if rest.strip():
        yield rest


def _parsed(number: int, text: bytes | Recipient) -> Line:
    if isinstance(text, Recipient):
        return Line(number, text)
    try:
        return Line(number, Recipient.parse(text))
    except InvalidDataError as error:
        return Line(number, None, str(error))
