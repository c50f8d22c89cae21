"""`send-email`: a message from a template, over SMTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import EmailAddress, FileId, HeaderText, WebAddress
from shared.contracts.retry import Backoff

#: The files in services/worker/templates/email; a test keeps the two equal.
Template = Literal[
    "newsletter", "order-confirmation", "password-reset", "weekly-report", "welcome"
]

#: What a template calls an inline picture, as in `images.logo`.
PictureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

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
        inline_images: Ids of stored pictures that stand in the text, by the name that
            the template gives them; `logo` stands at the top of every template.
        unsubscribe: Where a reader ends a subscription, for mails to many: mail
            readers show it as a button. It must take a POST (RFC 8058).
    """

    to: list[EmailAddress] = Field(min_length=1, max_length=50)
    cc: list[EmailAddress] = Field(default=[], max_length=50)
    bcc: list[EmailAddress] = Field(default=[], max_length=50)
    reply_to: EmailAddress | None = None
    template: Template
    subject: HeaderText | None = None
    context: dict[VariableName, JsonValue] = Field(default={}, max_length=100)
    attachments: list[FileId] = Field(default=[], max_length=10)
    inline_images: dict[PictureName, FileId] = Field(default={}, max_length=20)
    unsubscribe: WebAddress | None = None


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
    idempotent_by=(
        "A message that the mail server took is noted and not sent again; the "
        "Message-ID is the same in every attempt."
    ),
    redacted=frozenset({"context"}),
)
