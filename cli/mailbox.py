"""A folder of mails, one .eml file each."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import atomic_file
from shared import ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import EmailMessage
    from pathlib import Path

_ID = re.compile(f"[{ids.ALPHABET}]{{{ids.LENGTH}}}")


@dataclass(frozen=True)
class Attachment:
    """A file that came with a mail."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail, decoded.

    Attributes:
        id: Name of its file, without the suffix; later mails sort after earlier ones.
        sender: The From header.
        recipients: The To header.
        subject: The Subject header.
        date: The Date header.
        text: The plain part, None when there is none.
        html: The HTML part, None when there is none.
        attachments: The files that came with it.
    """

    id: str
    sender: str
    recipients: str
    subject: str
    date: str
    text: str | None
    html: str | None
    attachments: tuple[Attachment, ...]


class Mailbox:
    """Stores mails and reads them back."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which may be missing as long as there is no mail."""
        self.folder = folder

    def store(self, content: bytes, *, sender: str, recipients: Sequence[str]) -> Path:
        """Keep one mail as it came, under what the envelope said."""
        envelope = [f"Return-Path: <{sender}>"]
        envelope += [f"Delivered-To: {recipient}" for recipient in recipients]
        path = self._path(ids.new_id())
        head = "".join(f"{line}\r\n" for line in envelope)
        atomic_file.write(path, head.encode() + content)
        return path

    def newest(self, limit: int) -> list[Mail]:
        """Return the newest mails, newest first."""
        found = (p.stem for p in self.folder.glob("*.eml"))
        names = sorted((n for n in found if _ID.fullmatch(n)), reverse=True)
        return [m for m in map(self.find, names[:limit]) if m is not None]

    def find(self, mail_id: str) -> Mail | None:
        """Return one mail, None when there is none with this id."""
        content = self.source(mail_id)
        if content is None:
            return None
        message = email.message_from_bytes(content, policy=email.policy.default)
        return Mail(
            id=mail_id,
            sender=str(message.get("From", "")),
            recipients=str(message.get("To", "")),
            subject=str(message.get("Subject", "")),
            date=str(message.get("Date", "")),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            attachments=tuple(_attachment(a) for a in message.iter_attachments()),
        )

    def source(self, mail_id: str) -> bytes | None:
        """Return the file of one mail, None when there is none with this id."""
        if not _ID.fullmatch(mail_id):
            return None
        try:
            return self._path(mail_id).read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, mail_id: str) -> Path:
        return self.folder / f"{mail_id}.eml"


def _part(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        # The mail names a charset that Python has never heard of.
        return raw.decode(errors="replace")


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    size = len(content) if isinstance(content, bytes) else 0
    return Attachment(part.get_filename() or "unnamed", part.get_content_type(), size)
