"""Sends a mail made from a template."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from services.worker.mail import delivery, files, message, templates
from shared.contracts.tasks.send_email import EmailSent, RefusedRecipient, SendEmail
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.mail.server import MailServer


def run(data: SendEmail, context: JobContext) -> EmailSent:
    """Render the template and hand the message to the mail server, once."""
    server = _server(context)
    sent = context.once("sent", lambda: _send(data, context, server).dump())
    return EmailSent.parse(sent)


def _send(data: SendEmail, context: JobContext, server: MailServer) -> EmailSent:
    sender = context.settings.nightshift_mail_from
    identity = message.message_id(
        namespace=context.settings.nightshift_namespace,
        queue=context.queue,
        job_id=context.job_id,
        sender=sender,
    )
    pictures = {
        name: f"cid:{message.content_id(identity, name)}" for name in data.inline_images
    }
    rendered = templates.render(data.template, data.context, images=pictures)
    enclosed = files.enclose(data.attachments, data.inline_images, context.storage)
    raw = message.build(
        data, rendered, sender=sender, identity=identity, enclosed=enclosed
    )
    delivered = delivery.deliver(
        delivery.Envelope(
            sender=parseaddr(sender)[1],
            # Once each, whatever the lists say.
            recipients=list(dict.fromkeys((*data.to, *data.cc, *data.bcc))),
            message=raw,
        ),
        server,
        deadline=context.deadline,
        is_last_attempt=context.attempt >= context.attempts,
    )
    return EmailSent(
        message_id=identity,
        accepted=delivered.accepted,
        refused=[
            RefusedRecipient(address=address, reason=reason)
            for address, reason in delivered.refused.items()
        ],
        bytes=len(raw),
    )


def _server(context: JobContext) -> MailServer:
    server = context.settings.mail_server
    if server is None:
        text = "No mail server is configured: set NIGHTSHIFT_SMTP_URL for the worker."
        raise UnrecoverableError(text)
    return server
