"""The message that goes over the wire."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from services.worker.mail.headers import check_bytes, checked
from shared.errors import StoredFileNotFoundError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.worker.mail.templates import Rendered
    from shared.contracts.tasks.send_email import SendEmail
    from shared.storage.storage import Storage

#: Most bytes of all attachments; few mail servers take more.
MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024
_ID_LETTERS = 32
#: Every server takes seven bits; not every one takes eight.
_POLICY = SMTP.clone(cte_type="7bit")


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


def message_id(*, namespace: str, queue: str, job_id: str, sender: str) -> str:
    """Return a Message-ID that is the same for every attempt of a job."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    digest = hashlib.sha256(f"{namespace}/{queue}/{job_id}".encode()).hexdigest()
    return f"<{digest[:_ID_LETTERS]}@{domain}>"


def attachments(file_ids: Sequence[str], storage: Storage) -> list[Attachment]:
    """Read stored files.

    Raises:
        UnrecoverableError: When one is missing or they are too large together.
    """
    try:
        files = [storage.stat(file_id) for file_id in file_ids]
        if sum(file.size for file in files) > MAX_ATTACHMENT_BYTES:
            megabytes = MAX_ATTACHMENT_BYTES // (1024 * 1024)
            message = f"The attachments have more than {megabytes} MB together."
            raise UnrecoverableError(message)
        return [
            Attachment(
                checked("attachment name", file.name),
                file.content_type,
                storage.read(file.id),
            )
            for file in files
        ]
    except StoredFileNotFoundError:
        message = "An attachment doesn't exist; upload it first."
        raise UnrecoverableError(message) from None


def build(
    data: SendEmail,
    rendered: Rendered,
    *,
    sender: str,
    identity: str,
    attached: Sequence[Attachment] = (),
) -> bytes:
    """Return the message as bytes; recipients of `bcc` are not in it.

    Args:
        data: Whom to write.
        rendered: What to write.
        sender: The From header.
        identity: The Message-ID.
        attached: Files to go with it.

    Raises:
        UnrecoverableError: When a header would not be safe.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = checked("sender", sender)
    message["To"] = ", ".join(checked("recipient", one) for one in data.to)
    if data.cc:
        message["Cc"] = ", ".join(checked("recipient", one) for one in data.cc)
    if data.reply_to:
        message["Reply-To"] = checked("reply address", data.reply_to)
    message["Subject"] = checked("subject", data.subject or rendered.subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = identity
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    for one in attached:
        maintype, subtype = _media_type(one.content_type)
        message.add_attachment(
            one.content, maintype=maintype, subtype=subtype, filename=one.name
        )
    raw = message.as_bytes()
    check_bytes(raw)
    return raw


def _media_type(content_type: str) -> tuple[str, str]:
    maintype, _, subtype = content_type.partition("/")
    # Messages and multiparts have structure of their own; as bytes they are any file.
    if maintype in ("message", "multipart") or not subtype:
        return "application", "octet-stream"
    return maintype, subtype
