"""Signing in and out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import g, redirect, request, url_for

from services.api.errors import ForbiddenError
from services.api.ui import cookies
from services.api.ui.routes import PREFIX
from services.api.ui.sessions import LIFE_S
from shared import logging
from shared.access.principal import Scope

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.sessions import SessionStore
    from services.api.ui.sign_in_limit import SignInLimit
    from services.api.ui.views import Views

_FORM_LIFE_S = 3600
_LONGEST_TOKEN = 600

_log = logging.get(__name__)


@dataclass(frozen=True, kw_only=True)
class SignInPages:
    """The form, and what becomes of it."""

    views: Views
    sessions: SessionStore
    limit: SignInLimit

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/sign-in", "sign_in", self.form, scope=None)
        routes.post("/sign-in", "sign_in_now", self.enter, scope=None)
        routes.post("/sign-out", "sign_out", self.leave, scope=Scope.READ)

    def form(self) -> Response:
        """Show the form."""
        return self._form()

    def enter(self) -> AnyResponse:
        """Open a session with a token."""
        planted = request.cookies.get(cookies.SIGN_IN, "")
        given = request.form.get("csrf", "")
        if not planted or not hmac.compare_digest(
            given.encode(), _proof(planted).encode()
        ):
            raise ForbiddenError("The form is too old. Load it again, then repeat.")
        address = request.remote_addr or ""
        if wait_s := self.limit.wait_s(address):
            refusal = self._form(f"Too many attempts. Try again in {wait_s} s.", 429)
            refusal.headers["Retry-After"] = str(wait_s)
            return refusal
        opened = self.sessions.open(_token())
        if opened is None:
            self.limit.failed(address)
            _log.warning("sign_in_refused", address=address)
            return self._form("This token is not good. Check that it is whole.", 401)
        cookie, _ = opened
        found = self.sessions.find(cookie)
        if found is None or not found[1].may(Scope.READ):
            self.sessions.end(cookie)
            return self._form("This token may not read; the dashboard needs that.", 403)
        # From here on the audit log knows who it is.
        g.principal = found[1]
        response = redirect(_target(), code=303)
        cookies.put(response, cookies.SESSION, cookie, life_s=LIFE_S, same_site="Lax")
        cookies.drop(response, cookies.SIGN_IN)
        return response

    def leave(self) -> AnyResponse:
        """End the session."""
        self.sessions.end(request.cookies.get(cookies.SESSION, ""))
        response = redirect(url_for("ui.sign_in"), code=303)
        cookies.drop(response, cookies.SESSION)
        return response

    def _form(self, error: str = "", status: int = 200) -> Response:
        planted = secrets.token_urlsafe(32)
        response = self.views.bare(
            "sign_in.html",
            status=status,
            proof=_proof(planted),
            error=error,
            target=_target(),
        )
        cookies.put(response, cookies.SIGN_IN, planted, life_s=_FORM_LIFE_S)
        return response


def _token() -> str:
    return request.form.get("token", "").strip()[:_LONGEST_TOKEN]


def _proof(planted: str) -> str:
    return hashlib.sha256(b"sign-in:" + planted.encode()).hexdigest()


def _target() -> str:
    """Return where to go afterwards: a page of the dashboard, nothing else."""
    wanted = request.values.get("next", "")
    is_ours = wanted == PREFIX or wanted.startswith((f"{PREFIX}/", f"{PREFIX}?"))
    return wanted if is_ours and "\\" not in wanted else PREFIX
