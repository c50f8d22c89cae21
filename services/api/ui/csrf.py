"""Refuses posts that a page of ours did not send."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.api.errors import ForbiddenError

if TYPE_CHECKING:
    from flask import Request

FIELD = "csrf"
HEADER = "X-CSRF-Token"


def check_origin(request: Request) -> None:
    """Refuse a post that a browser sends for another site.

    A proxy in front has to hand the `Host` on that people see.

    Raises:
        ForbiddenError: It comes from elsewhere, or does not say from where.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    is_same_site = site in {None, "same-origin"}
    is_ours = origin is not None and urlsplit(origin).netloc == request.host
    if not (is_same_site and is_ours):
        raise ForbiddenError("This request does not come from a page of the dashboard.")


def check_token(request: Request, expected: str) -> None:
    """Refuse a post without the token of its session.

    Raises:
        ForbiddenError: The token is missing or another one.
    """
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForbiddenError("The form is too old. Load its page again, then repeat.")
