"""What a request works with, taken out of Flask's proxies.

Each look through a proxy costs a third of a microsecond; the hooks of one request made
fifty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import g, request

if TYPE_CHECKING:
    from flask import Request


def current_request() -> Request:
    """Return the request itself."""
    return cast("Request", request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001 - Werkzeug documents it


def memory() -> Any:
    """Return what is remembered during the request: `g` itself."""
    return g._get_current_object()  # noqa: SLF001 - Werkzeug documents it
