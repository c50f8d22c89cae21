"""The reference page of the API, from its description."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD = """# The HTTP API

Made by `python -m services.api.openapi` from the code; [openapi.json](openapi.json) has
every schema, and a running api shows it at `/docs`. Errors are
`application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail`,
`instance`, `requestId` and, where a part of the request is wrong, `errors` with JSON
pointers.

How to use it: [call the API](../how-to/call-the-api.md). Tokens:
[make tokens](../how-to/make-tokens.md).

| method | address | scope | what it does |
|---|---|---|---|
"""


def page(described: Mapping[str, Any]) -> str:
    """Return the page as Markdown."""
    rows: dict[tuple[str, str], str] = {}
    for path, methods in described["paths"].items():
        plain = re.sub(r"^(/api/v1/jobs)/(?!\{)[^/]+", r"\1/{queue}", path)
        for method, operation in methods.items():
            scope = operation["x-scope"] or "any"
            words = operation["summary"]
            if plain != path:
                # The queue's name stands at the end there.
                words = words.rpartition(" ")[0]
            key = (plain, method.upper())
            rows[key] = f"| `{key[1]}` | `{plain}` | {scope} | {words} |"
    return _HEAD + "\n".join(rows[key] for key in sorted(rows)) + "\n"
