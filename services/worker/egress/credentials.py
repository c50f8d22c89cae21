"""Headers that the worker adds for a host, such as its API key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8000}")


def parse(text: str) -> dict[str, dict[str, str]]:
    """Read `{"api.example.com": {"authorization": "Bearer …"}}`.

    Raises:
        ValueError: When it is something else; the message never repeats it.
    """
    if not text.strip():
        return {}
    try:
        found = msgspec.json.decode(text, type=dict[str, dict[str, str]])
    except msgspec.DecodeError:
        found = {"": {"": "\n"}}
    for headers in found.values():
        for name, value in headers.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                message = (
                    'must be JSON like {"api.example.com": {"authorization": "…"}}'
                )
                raise ValueError(message)
    return {host.lower(): headers for host, headers in found.items()}


def headers_for(
    host: str, credentials: Mapping[str, Mapping[str, str]]
) -> Mapping[str, str]:
    """Return the headers of `host`; only its exact name gets them."""
    return credentials.get(host.lower(), {})
