"""Stands before every page: who asks, may they, and did a page of ours send it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Response, g, redirect, request, url_for

from services.api.errors import ForbiddenError
from services.api.ui import cookies, csrf

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.sessions import Session, SessionStore
    from shared.access.principal import Principal, Scope

#: What a form's encoding may add to what it carries, and room for the other fields.
_FORM_FACTOR, _FORM_ROOM = 4, 1024 * 1024


def session() -> Session | None:
    """Return the session of the current request, None before signing in."""
    return cast("Session | None", g.get("ui_session"))


def caller() -> Principal | None:
    """Return who is signed in, None for nobody."""
    return cast("Principal | None", g.get("principal"))


def may(scope: Scope) -> bool:
    """Whether who is signed in may do something."""
    found = caller()
    return found is not None and found.may(scope)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets requests in.

    Attributes:
        routes: Knows the scope of each endpoint.
        sessions: Knows who is signed in.
        max_body_bytes: Largest JSON text that a form may carry.
    """

    routes: Routes
    sessions: SessionStore
    max_body_bytes: int

    def check(self) -> AnyResponse | None:
        """Refuse the current request, send it to the sign-in page, or let it pass.

        Raises:
            ForbiddenError: The token, the origin or the form does not allow it.
        """
        most = self.max_body_bytes * _FORM_FACTOR + _FORM_ROOM
        request.max_content_length = request.max_form_memory_size = most
        endpoint = request.endpoint or ""
        if endpoint not in self.routes.scopes:
            # A route that forgot its scope is closed, not open.
            raise ForbiddenError("This page is closed.")
        is_change = request.method not in {"GET", "HEAD"}
        if is_change:
            csrf.check_origin(request)
        scope = self.routes.scopes[endpoint]
        if scope is None:
            return None
        found = self.sessions.find(request.cookies.get(cookies.SESSION, ""))
        if found is None:
            return _to_sign_in(is_change=is_change)
        g.ui_session, g.principal = found
        if is_change:
            csrf.check_token(request, found[0].csrf)
        if not found[1].may(scope):
            raise ForbiddenError(
                f"Your token lacks the scope `{scope.value}`; ask an admin for one."
            )
        return None


def _to_sign_in(*, is_change: bool) -> AnyResponse:
    if is_change:
        raise ForbiddenError("You are signed out. Sign in, then repeat this.")
    if request.headers.get("HX-Request"):
        # A part of a page can't show the sign-in form: the whole page goes there.
        return Response(status=401, headers={"HX-Refresh": "true"})
    query = request.query_string.decode(errors="replace")
    target = f"{request.path}?{query}" if query else request.path
    return redirect(url_for("ui.sign_in", next=target), code=303)
