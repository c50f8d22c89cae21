"""Answers in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from flask import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/json"

_ENCODER = msgspec.json.Encoder()


def json_answer(
    document: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a document as an answer."""
    return raw_json(_ENCODER.encode(document), status=status, headers=headers)


def raw_json(
    body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON text as an answer."""
    return Response(
        body,
        status=status,
        headers=headers,
        content_type=MEDIA_TYPE,
    )
