"""The dashboard's cookies: none of them is readable elsewhere or by other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from flask import request

from services.api.ui.routes import PREFIX

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

SESSION = "nightshift_session"
#: Proves that a sign-in form is ours, before there is a session.
SIGN_IN = "nightshift_sign_in"
FLASH = "nightshift_flash"
#: The one that a script writes: `light` or `dark`.
THEME = "nightshift_theme"


def put(
    response: Response,
    name: str,
    value: str,
    *,
    life_s: int,
    same_site: Literal["Lax", "Strict"] = "Strict",
) -> None:
    """Let the browser keep `value` for `life_s` seconds.

    Args:
        response: The answer that carries it.
        name: The cookie's name.
        value: What it holds.
        life_s: How long, in seconds.
        same_site: `Lax` also goes with links from elsewhere, such as an alert's.
    """
    response.set_cookie(
        name,
        value,
        max_age=life_s,
        path=PREFIX,
        secure=_is_encrypted(),
        httponly=True,
        samesite=same_site,
    )


def drop(response: Response, name: str) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(
        name, path=PREFIX, secure=_is_encrypted(), httponly=True, samesite="Strict"
    )


def _is_encrypted() -> bool:
    # Whoever forges the proxy's header makes his own cookie stricter, nothing else.
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
