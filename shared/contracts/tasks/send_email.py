"""`send-email`: a message from a template, over SMTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import EmailAddress, FileId, HeaderText
from shared.contracts.retry import Backoff

#: The files in services/worker/templates/email; a test keeps the two equal.
Template = Literal["order-confirmation", "password-reset", "welcome"]

VariableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class SendEmail(Model):
    """Whom to write, and what.

    Attributes:
        to: Recipients, shown to each other.
        cc: Further recipients, shown.
        bcc: Further recipients, not shown.
        reply_to: Where an answer goes, when not to the sender.
        template: Name of the template.
        subject: Replaces the template's subject.
        context: The template's variables, by name.
        attachments: Ids of stored files.
    """

    to: list[EmailAddress] = Field(min_length=1, max_length=50)
    cc: list[EmailAddress] = Field(default=[], max_length=50)
    bcc: list[EmailAddress] = Field(default=[], max_length=50)
    reply_to: EmailAddress | None = None
    template: Template
    subject: HeaderText | None = None
    context: dict[VariableName, JsonValue] = Field(default={}, max_length=100)
    attachments: list[FileId] = Field(default=[], max_length=10)


class RefusedRecipient(Model):
    """Somebody whom the mail server would not serve.

    Attributes:
        address: Who.
        reason: What the server said.
    """

    address: str
    reason: str


class EmailSent(Model):
    """What the mail server took.

    Attributes:
        message_id: The message's id; the same for every attempt of a job.
        accepted: Recipients that the server took the message for.
        refused: Recipients that it refused for good.
        bytes: Size of the message.
    """

    message_id: str
    accepted: list[str]
    refused: list[RefusedRecipient] = Field(default_factory=list)
    bytes: int


CONTRACT = TaskContract(
    name="send-email",
    queue="email",
    summary="Sends an e-mail made from a template, with attachments.",
    data=SendEmail,
    result=EmailSent,
    defaults=TaskDefaults(
        attempts=5,
        backoff=Backoff(type="exponential", delay=5_000, jitter=0.2),
        timeout_ms=60_000,
    ),
)
