"""Calls somebody else's API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from services.worker import artifacts
from services.worker.egress.call import call
from services.worker.egress.exchange import NoAnswerError, Outgoing
from services.worker.webhooks import retry_after
from shared.contracts.tasks.call_http import HttpCalled
from shared.errors import (
    RetryLaterError,
    StoredFileNotFoundError,
    StoredFileTooLargeError,
    TaskError,
    UnrecoverableError,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

    from services.worker.context import JobContext
    from services.worker.egress.call import Final
    from services.worker.egress.exchange import Answer
    from shared.contracts.fields import FileReference
    from shared.contracts.tasks.call_http import CallHttp

#: Most bytes of an answer that a result holds; larger ones are for `save`.
MAX_RESULT_BYTES = 128 * 1024
#: Most bytes of a stored file that are sent; they are held in memory.
MAX_BODY_BYTES = 50 * 1024 * 1024
_QUOTE_BYTES = 300
_COME_BACK = frozenset({429, 503})
#: Client errors that another attempt may cure.
_PASSING = frozenset({408, 409, 425, 429})
_TOLD = (
    "cache-control",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "link",
    "location",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)


class HttpCallError(TaskError):
    """Raised when the server's answer is no success; another attempt may help."""


def run(data: CallHttp, context: JobContext) -> HttpCalled:
    """Send the request and return or store what comes back."""
    with call(
        _outgoing(data, context), redirects=data.redirects, context=context
    ) as final:
        _check(final.answer, data, context)
        return _result(final, data, context)


def _outgoing(data: CallHttp, context: JobContext) -> Outgoing:
    body, content_type = _body(data, context)
    headers = {"user-agent": "Nightshift/1"}
    if content_type:
        headers["content-type"] = content_type
    if data.method not in ("GET", "HEAD"):
        headers["idempotency-key"] = f"{context.queue}:{context.job_id}"
    headers |= {name.lower(): value for name, value in data.headers.items()}
    return Outgoing(method=data.method, url=data.url, headers=headers, body=body)


def _body(data: CallHttp, context: JobContext) -> tuple[bytes | None, str]:
    if data.json_body is not None:
        return msgspec.json.encode(data.json_body), "application/json"
    if data.text_body is not None:
        return data.text_body.encode(), "text/plain; charset=utf-8"
    if data.body_file is None:
        return None, ""
    try:
        file = context.storage.stat(data.body_file)
        if file.size > MAX_BODY_BYTES:
            message = f"A body may have {MAX_BODY_BYTES:,} bytes at most."
            raise UnrecoverableError(message)
        return context.storage.read(file.id), file.content_type
    except StoredFileNotFoundError:
        message = "The file to send doesn't exist; upload it first."
        raise UnrecoverableError(message) from None


def _check(answer: Answer, data: CallHttp, context: JobContext) -> None:
    expected = (
        answer.status in data.expect if data.expect else 200 <= answer.status < 300  # noqa: PLR2004 - HTTP's own numbers
    )
    if expected:
        return
    try:
        text, _ = answer.beginning(_QUOTE_BYTES)
    except NoAnswerError:
        text = b""
    words = text.decode("utf-8", "replace")
    quote = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    context.log(f"Attempt {context.attempt}: {answer.status} {quote}".rstrip())
    raise _failure(answer)


def _failure(answer: Answer) -> TaskError:
    message = f"The server answered {answer.status}."
    header = answer.headers.get("retry-after", "")
    if answer.status in _COME_BACK and header:
        wait_ms = retry_after.delay_ms(header, now=datetime.now(UTC))
        if wait_ms is not None:
            return RetryLaterError(message, delay_ms=wait_ms)
    if answer.status < 500 and answer.status not in _PASSING:  # noqa: PLR2004 - as above
        return UnrecoverableError(message)
    return HttpCallError(message)


def _result(final: Final, data: CallHttp, context: JobContext) -> HttpCalled:
    answer = final.answer
    content_type = answer.headers.get("content-type", "")
    file, content = None, b""
    if data.save:
        file = _saved(answer, content_type, context)
    else:
        content, is_all = answer.beginning(MAX_RESULT_BYTES)
        if not is_all:
            message = (
                f"The answer has more than {MAX_RESULT_BYTES:,} bytes; set save to "
                "store it as a file."
            )
            raise UnrecoverableError(message)
    document = _json(content, content_type)
    text = None
    if content and document is None:
        text = content.decode("utf-8", "replace")
    return HttpCalled(
        status=answer.status,
        url=final.url,
        headers={n: answer.headers[n] for n in _TOLD if n in answer.headers},
        json_body=document,
        text=text,
        file=file,
        duration_ms=answer.duration_ms,
    )


def _saved(answer: Answer, content_type: str, context: JobContext) -> FileReference:
    try:
        return artifacts.keep(
            answer.chunks(),
            name="answer",
            content_type=content_type,
            storage=context.storage,
        )
    except StoredFileTooLargeError as error:
        raise UnrecoverableError(str(error)) from None


def _json(content: bytes, content_type: str) -> JsonValue:
    bare = content_type.partition(";")[0].strip().lower()
    if bare != "application/json" and not bare.endswith("+json"):
        return None
    try:
        document: JsonValue = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        return None
    return document
