"""The guard against headers that smuggle further headers."""

from __future__ import annotations

import unicodedata
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import TYPE_CHECKING

from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from email.message import EmailMessage

#: Headers that a message of ours may have.
_TOP = frozenset(
    {
        "auto-submitted",
        "cc",
        "content-disposition",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "message-id",
        "mime-version",
        "reply-to",
        "subject",
        "to",
    }
)
#: Headers that a part of a message may have.
_PART = frozenset(
    {
        "content-disposition",
        "content-id",
        "content-transfer-encoding",
        "content-type",
        "mime-version",
    }
)
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_header_safe(value: str) -> bool:
    """Whether the value is one line that no mail reader takes for more.

    Python's e-mail package decodes `=?…?=` in what it is given and writes the result
    as it is, line breaks included (CVE-2024-6923 and its kin).
    """
    return "=?" not in value and not any(
        unicodedata.category(letter) in _FORBIDDEN_CATEGORIES for letter in value
    )


def checked(name: str, value: str) -> str:
    """Return the value of the header `name` if it is safe.

    Raises:
        UnrecoverableError: When it isn't; the message names the header.
    """
    if not is_header_safe(value):
        message = f"The mail's {name} must be one line without '=?'."
        raise UnrecoverableError(message)
    return value


def is_mailbox(value: str) -> bool:
    """Whether the value is one address, with or without a display name."""
    address = parseaddr(value)[1]
    local, _, domain = address.rpartition("@")
    return bool(local and domain) and value.isascii() and is_header_safe(value)


def check_bytes(raw: bytes) -> None:
    """Check that a generated message has our headers only, each once.

    Raises:
        UnrecoverableError: When it has others.
    """
    message: EmailMessage = message_from_bytes(raw, policy=policy.SMTP)
    for part in message.walk():
        allowed = _TOP if part is message else _PART
        names = [name.lower() for name in part.keys()]  # noqa: SIM118 - keeps repeats
        if len(names) != len(set(names)) or not allowed.issuperset(names):
            text = "The mail was not sent: it would have had unexpected headers."
            raise UnrecoverableError(text)
        if part.defects:
            text = "The mail was not sent: it would have been malformed."
            raise UnrecoverableError(text)
