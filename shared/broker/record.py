"""The stored record of a job: a header line that scripts read, then JSON."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec

#: A newer version may add fields behind those that are known here.
_HEADER = re.compile(
    rb"v=1;w=(\d+);t=(\d+);p=(\d+);n=([^;\n]*);o=[^;\n]*"
    rb"(?:;g=([^;\n]*))?(?:;[a-z]+=[^;\n]*)*\n"
)


_TASK = re.compile(rb"v=1;w=\d+;t=\d+;p=\d+;n=([^;\n]*)[;\n]")
_NO_OPTIONS = b"{}"


class _Body(msgspec.Struct):
    data: msgspec.Raw
    # Left out by those who say nothing: every byte counts in a long backlog.
    opts: msgspec.Raw = msgspec.Raw(_NO_OPTIONS)


_BODY = msgspec.json.Decoder(_Body)


class Record(NamedTuple):
    """A job as its caller described it; times are epoch milliseconds.

    Attributes:
        task: Task name.
        priority: 1 runs first.
        timestamp: When it was accepted.
        waiting_since: When it was last put to waiting.
        group: Its group, or empty.
        data: What the caller sent, JSON text.
        options: What the caller said about it, JSON text.
    """

    task: str
    priority: int
    timestamp: int
    waiting_since: int
    group: str
    data: bytes
    options: bytes


def encode_body(data: bytes, options: bytes) -> bytes:
    """Return what follows the header, from two JSON texts."""
    if options == _NO_OPTIONS:
        return b'{"data":' + data + b"}"
    return b'{"data":' + data + b',"opts":' + options + b"}"


def decode(stored: bytes) -> Record:
    """Read a stored record.

    Raises:
        ValueError: When it is damaged.
    """
    header = _HEADER.match(stored)
    if header is None:
        message = "The record has no header of ours."
        raise ValueError(message)
    try:
        body = _BODY.decode(memoryview(stored)[header.end() :])
    except msgspec.DecodeError as error:
        message = f"The record is not JSON: {error}"
        raise ValueError(message) from error
    since, accepted, priority, task, group = header.groups()
    return Record(
        task=task.decode(),
        priority=int(priority),
        timestamp=int(accepted),
        waiting_since=int(since),
        group=(group or b"").decode(),
        data=bytes(body.data),
        options=bytes(body.opts),
    )


def task_of(header: bytes) -> str:
    """Return the task of a record of which only the beginning is at hand."""
    found = _TASK.match(header)
    return found[1].decode(errors="replace") if found else "?"


def fields(flat: list[bytes]) -> dict[str, Any]:
    """Turn Redis's flat field, value, ... list into a dict with text keys."""
    return {flat[i].decode(): flat[i + 1] for i in range(0, len(flat), 2)}
