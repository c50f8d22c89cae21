"""Verifies webhooks signed as https://www.standardwebhooks.com specifies."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCE_S = 300
_PREFIX = "whsec_"
_VERSION = "v1"


def why_refused(
    headers: Mapping[str, str], body: bytes, *, secret: str, now_s: float
) -> str | None:
    """Return why the webhook is not to be trusted, None when it is.

    Args:
        headers: The request's headers, names in lower case.
        body: The request's body, byte for byte.
        secret: The shared secret, `whsec_` and base64.
        now_s: The receiver's clock, epoch seconds.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()
    if not (message_id and timestamp and signatures):
        return "one of the headers webhook-id, -timestamp and -signature is missing"
    if not timestamp.isascii() or not timestamp.isdecimal():
        return "the timestamp is not a number of seconds"
    if abs(now_s - int(timestamp)) > TOLERANCE_S:
        return f"the timestamp is more than {TOLERANCE_S} s away from now"
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return "the receiver's secret is not base64"
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    expected = f"{_VERSION},{digest.decode()}".encode()
    # No early end: how long the comparison takes must not tell which one is near.
    matches = [hmac.compare_digest(expected, s.encode()) for s in signatures]
    return None if any(matches) else "no signature fits"
