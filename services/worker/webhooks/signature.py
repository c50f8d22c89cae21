"""Signatures as https://www.standardwebhooks.com says (version 1, symmetric)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "whsec_"
_MIN_KEY_BYTES, _MAX_KEY_BYTES = 24, 64


def parse_secret(secret: str) -> bytes:
    """Return the key of a `whsec_…` secret.

    Raises:
        ValueError: When it is none; the message never repeats it.
    """
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    in_range = _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES
    if not secret.startswith(_PREFIX) or not in_range:
        message = "must be 'whsec_' and 24 to 64 random bytes in base64"
        raise ValueError(message)
    return key


def parse_secrets(secrets: str) -> tuple[bytes, ...]:
    """Return the keys of secrets that stand apart by spaces or commas.

    Raises:
        ValueError: When one is none; the message never repeats it.
    """
    return tuple(parse_secret(one) for one in secrets.replace(",", " ").split())


def webhook_id(job_id: str) -> str:
    """Return the event's id: the job's, so that every attempt carries the same.

    A full stop parts the fields of what is signed and can't be in an id; no job id
    holds a tilde, so the replacement never makes two ids one.
    """
    return job_id.replace(".", "~")


def sign(key: bytes, *, event_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the signature header.

    Args:
        key: The secret's bytes.
        event_id: The `webhook-id` header.
        timestamp_s: The `webhook-timestamp` header, epoch seconds.
        body: The request's body, as it is sent.
    """
    signed = b".".join((event_id.encode(), str(timestamp_s).encode(), body))
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def sign_with_all(
    keys: Sequence[bytes], *, event_id: str, timestamp_s: int, body: bytes
) -> str:
    """Return the signature header for several keys: receivers need to know one.

    While a secret is changed, the new and the old one sign.
    """
    return " ".join(
        sign(key, event_id=event_id, timestamp_s=timestamp_s, body=body) for key in keys
    )
