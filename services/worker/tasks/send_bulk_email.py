"""Makes one mail job per reader."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from services.worker.mail import readers
from shared import clock
from shared.contracts.tasks.send_bulk_email import BulkEmailCreated, SkippedRecipient
from shared.contracts.tasks.send_email import SendEmail
from shared.errors import RetryLaterError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from services.worker.mail.readers import Line
    from shared.contracts.tasks.send_bulk_email import Recipient, SendBulkEmail

#: Readers between two notes of how far the list was read.
_STEP = 200
_NOTE_MS = 24 * 3600 * 1000
_EXAMPLES = 10
#: How much of the wrong is told, in characters.
_REASON_LENGTH = 200
#: Time kept back for the note and the return, in seconds.
_RESERVE_S = 5.0
_BREAK_MS = 1_000


class _Tally(msgspec.Struct):
    """How far the list was read, and what came of it."""

    reached: int = 0
    created: int = 0
    skipped: int = 0
    examples: list[tuple[int, str]] = []


def run(data: SendBulkEmail, context: JobContext) -> BulkEmailCreated:
    """Read the list line by line and create the job of each reader."""
    total = readers.count(data, context.storage)
    note = f"bulk:{context.queue}/{context.job_id}"
    known = context.memory.get(note)
    tally = msgspec.json.decode(known, type=_Tally) if known else _Tally()
    start = tally.reached
    for line in readers.read(data, context.storage, after=start):
        if line.recipient is None:
            _skip(line, tally)
        elif _create(line.number, line.recipient, total, data, context):
            tally.created += 1
        elif context.attempt > 1 and line.number <= start + _STEP:
            # An earlier attempt created it and came no further than its next note.
            tally.created += 1
        else:
            tally.skipped += 1
        if line.number % _STEP == 0:
            tally.reached = line.number
            context.memory.put(note, msgspec.json.encode(tally), ttl_ms=_NOTE_MS)
            context.progress(round(100 * line.number / total, 1))
            _check(context)
    return BulkEmailCreated(
        created=tally.created,
        skipped=tally.skipped,
        examples=[SkippedRecipient(line=n, reason=r) for n, r in tally.examples],
        spread_ms=data.spread_ms,
    )


def _skip(line: Line, tally: _Tally) -> None:
    tally.skipped += 1
    if len(tally.examples) < _EXAMPLES:
        tally.examples.append((line.number, line.problem[:_REASON_LENGTH]))


def _create(
    number: int,
    reader: Recipient,
    total: int,
    data: SendBulkEmail,
    context: JobContext,
) -> bool:
    # The address in the id: a reader who is on the list twice gets one mail.
    address = reader.to.lower().encode()
    child = context.enqueue(
        "send-email",
        _mail(reader, data),
        key=hashlib.sha256(address).hexdigest()[:24],
        delay_ms=_delay_ms(number, total, data, context),
    )
    return child.created


def _mail(reader: Recipient, data: SendBulkEmail) -> SendEmail:
    # Only what was said: what a mail leaves out takes no room in Redis.
    said: dict[str, Any] = {
        "reply_to": data.reply_to,
        "subject": data.subject,
        "context": {**data.context, **reader.context},
        "attachments": data.attachments,
        "inline_images": data.inline_images,
        "unsubscribe": reader.unsubscribe,
    }
    given = {name: value for name, value in said.items() if value}
    return SendEmail(to=[reader.to], template=data.template, **given)


def _delay_ms(number: int, total: int, data: SendBulkEmail, context: JobContext) -> int:
    # From when the job came in, so that a later attempt goes on in the same rhythm.
    due_ms = context.created_ms + data.spread_ms * (number - 1) // total
    return max(0, due_ms - clock.now_ms()) if data.spread_ms else 0


def _check(context: JobContext) -> None:
    if context.cancelled or context.remaining_s() < _RESERVE_S:
        message = "The list was not read to its end; it goes on from there."
        raise RetryLaterError(message, delay_ms=_BREAK_MS, uses_attempt=False)
