"""Kinds of value that several contracts share."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

from shared.contracts.model import Model

_ATOM = r"[A-Za-z0-9!#$%&'*+/=^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_MAIL_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")

#: Line breaks that a mail reader may honour although they are no control characters.
_LINE_BREAKS = ("Zl", "Zp")


def one_line(value: str) -> str:
    """Return a text that is one line.

    Raises:
        ValueError: When it holds line breaks or control characters.
    """
    for letter in value:
        category = unicodedata.category(letter)
        if category in ("Cc", "Cs", *_LINE_BREAKS):
            message = "must be one line without control characters"
            raise ValueError(message)
    return value


def _no_encoded_word(value: str) -> str:
    # Python's e-mail package decodes these and writes the result as it is, line
    # breaks included; nobody types them.
    if "=?" in value:
        message = "must not hold '=?', it is sent as it stands"
        raise ValueError(message)
    return value


def _mail_address(value: str) -> str:
    if not _MAIL_ADDRESS.fullmatch(value):
        message = "must be a bare e-mail address such as ada@example.com"
        raise ValueError(message)
    return value


def _web_address(value: str) -> str:
    if any(letter.isspace() for letter in value) or "\\" in value:
        message = "must not hold spaces or backslashes"
        raise ValueError(message)
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        message = "must be a web address such as https://example.com/hook"
        raise ValueError(message) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        message = "must be a web address such as https://example.com/hook"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "must not hold a user name or password"
        raise ValueError(message)
    return value


#: One line of text.
Line = Annotated[str, AfterValidator(one_line)]

#: One line that is safe in a mail header.
HeaderText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(one_line),
    AfterValidator(_no_encoded_word),
]

#: A bare address; no display name.
EmailAddress = Annotated[
    str,
    StringConstraints(max_length=254),
    AfterValidator(_mail_address),
    AfterValidator(_no_encoded_word),
    Field(json_schema_extra={"format": "email"}),
]

#: An absolute http or https address without user name and password.
WebAddress = Annotated[
    str,
    StringConstraints(min_length=8, max_length=2048),
    AfterValidator(one_line),
    AfterValidator(_web_address),
]

#: Id of an uploaded or produced file.
FileId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{20}$")]


class FileReference(Model):
    """A file in the store; fetch it with `GET /api/v1/files/{id}`.

    Attributes:
        id: Its id.
        name: Its name, for people.
        content_type: Its media type.
        size: Bytes.
    """

    id: FileId
    name: str
    content_type: str
    size: int = Field(ge=0)
