"""What a browser may do with a page of the dashboard: show it, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Response

_CONTENT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _CONTENT,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    # With `no-referrer`, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
}


def apply(response: Response) -> Response:
    """Add the headers that a response does not bring itself."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
