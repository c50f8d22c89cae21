"""`send-bulk-email`: one mail each to many, spread over a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, JsonValue, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import EmailAddress, FileId, HeaderText, WebAddress
from shared.contracts.retry import Backoff
from shared.contracts.tasks.send_email import PictureName, Template, VariableName

if TYPE_CHECKING:
    from typing import Self

#: Longest time over which mails are spread, in milliseconds: a week.
MAX_SPREAD_MS = 7 * 24 * 3600 * 1000


class Recipient(Model):
    """One reader.

    Attributes:
        to: The address.
        context: The reader's own variables, over those of all.
        unsubscribe: Where this reader ends the subscription.
    """

    to: EmailAddress
    context: dict[VariableName, JsonValue] = Field(default={}, max_length=100)
    unsubscribe: WebAddress | None = None


class SendBulkEmail(Model):
    """What to write, and to whom.

    Attributes:
        template: Name of the template.
        subject: Replaces the template's subject.
        context: The template's variables, the same for all.
        recipients: The readers; for more than 1,000 use a file.
        recipients_file: Id of a stored file with a JSON object per line, each as one
            of `recipients`.
        reply_to: Where an answer goes, when not to the sender.
        attachments: Ids of stored files.
        inline_images: Ids of stored pictures, by name.
        spread_ms: Milliseconds over which the mails are spread evenly; 0: at once.
    """

    template: Template
    subject: HeaderText | None = None
    context: dict[VariableName, JsonValue] = Field(default={}, max_length=100)
    recipients: list[Recipient] = Field(default=[], max_length=1_000)
    recipients_file: FileId | None = None
    reply_to: EmailAddress | None = None
    attachments: list[FileId] = Field(default=[], max_length=10)
    inline_images: dict[PictureName, FileId] = Field(default={}, max_length=20)
    spread_ms: int = Field(default=0, ge=0, le=MAX_SPREAD_MS)

    @model_validator(mode="after")
    def _has_readers_from_one_source(self) -> Self:
        if bool(self.recipients) == (self.recipients_file is not None):
            message = "needs either recipients or recipientsFile"
            raise ValueError(message)
        return self


class SkippedRecipient(Model):
    """A line that is no reader.

    Attributes:
        line: Its number, from 1.
        reason: What is wrong with it.
    """

    line: int
    reason: str


class BulkEmailCreated(Model):
    """What became of the list.

    Attributes:
        created: Mails that are jobs of their own now.
        skipped: Readers that were left out: wrong or named before.
        examples: The first of the wrong ones.
        spread_ms: Milliseconds from the first mail to the last.
    """

    created: int
    skipped: int
    examples: list[SkippedRecipient] = Field(default_factory=list)
    spread_ms: int


CONTRACT = TaskContract(
    name="send-bulk-email",
    queue="email",
    summary="Creates one send-email job per reader, spread over a time.",
    data=SendBulkEmail,
    result=BulkEmailCreated,
    defaults=TaskDefaults(
        attempts=5,
        backoff=Backoff(type="exponential", delay=5_000, jitter=0.2),
        timeout_ms=30 * 60_000,
    ),
    idempotent_by=(
        "Each reader's job has an id made of this job's id and the address, and how "
        "far the list was read is noted."
    ),
    redacted=frozenset({"context", "recipients"}),
)
