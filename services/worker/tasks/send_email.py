"""Sends a mail made from a template."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from services.worker.mail import delivery, message, templates
from shared.contracts.tasks.send_email import EmailSent, RefusedRecipient, SendEmail
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.mail.server import MailServer


def run(data: SendEmail, context: JobContext) -> EmailSent:
    """Render the template and hand the message to the mail server."""
    server = _server(context)
    sender = context.settings.nightshift_mail_from
    rendered = templates.render(data.template, data.context)
    identity = message.message_id(
        namespace=context.settings.nightshift_namespace,
        queue=context.queue,
        job_id=context.job_id,
        sender=sender,
    )
    attached = message.attachments(data.attachments, context.storage)
    raw = message.build(
        data, rendered, sender=sender, identity=identity, attached=attached
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
