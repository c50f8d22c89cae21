"""The message that goes over the wire."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from services.worker.mail.files import Enclosed
from services.worker.mail.headers import check_bytes, checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.worker.mail.files import Attachment
    from services.worker.mail.templates import Rendered
    from shared.contracts.tasks.send_email import SendEmail

_ID_LETTERS = 32
#: Every server takes seven bits; not every one takes eight.
_POLICY = SMTP.clone(cte_type="7bit")


def message_id(*, namespace: str, queue: str, job_id: str, sender: str) -> str:
    """Return a Message-ID that is the same for every attempt of a job."""
    domain = parseaddr(sender)[1].rpartition("@")[2]
    digest = hashlib.sha256(f"{namespace}/{queue}/{job_id}".encode()).hexdigest()
    return f"<{digest[:_ID_LETTERS]}@{domain}>"


def content_id(identity: str, name: str) -> str:
    """Return the id of an inline picture, without its angle brackets."""
    return f"{name}.{identity.strip('<>')}"


def build(
    data: SendEmail,
    rendered: Rendered,
    *,
    sender: str,
    identity: str,
    enclosed: Enclosed = Enclosed(),  # noqa: B008 - frozen
) -> bytes:
    """Return the message as bytes; recipients of `bcc` are not in it.

    Args:
        data: Whom to write.
        rendered: What to write.
        sender: The From header.
        identity: The Message-ID.
        enclosed: Files to go with it.

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
    if data.unsubscribe:
        address = checked("unsubscribe address", data.unsubscribe)
        message["List-Unsubscribe"] = f"<{address}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    _add_pictures(message, enclosed.pictures or {}, identity)
    for one in enclosed.attachments:
        maintype, subtype = one.media_type
        message.add_attachment(
            one.content, maintype=maintype, subtype=subtype, filename=one.name
        )
    raw = message.as_bytes()
    check_bytes(raw)
    return raw


def _add_pictures(
    message: EmailMessage, pictures: Mapping[str, Attachment], identity: str
) -> None:
    page = message.get_body(("html",))
    assert isinstance(page, EmailMessage)  # noqa: S101 - it was added just before
    for name, picture in pictures.items():
        maintype, subtype = picture.media_type
        page.add_related(
            picture.content,
            maintype=maintype,
            subtype=subtype,
            cid=f"<{content_id(identity, name)}>",
            filename=picture.name,
            disposition="inline",
        )
