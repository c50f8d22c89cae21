"""The tokens: who may call, and a new text that is shown once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from flask import request, url_for

from services.api.errors import TokenNotFoundError
from services.api.schemas import NewToken, Rotation
from services.api.ui.flash import back
from services.api.ui.form_errors import by_field
from shared import clock
from shared.access.principal import Scope
from shared.errors import InvalidDataError

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.access.token import Minted

_DAY_S = 86_400
#: Lives to choose from, in days; 0 stands for no end.
LIVES = (1, 7, 30, 90, 365, 0)
#: How long a rotated token's old text stays good, in seconds.
_OVERLAP_S = 3600


@dataclass(frozen=True)
class TokensPage:
    """The page, for admins."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        admin = Scope.ADMIN
        one = "/tokens/<token_id>"
        routes.get("/tokens", "tokens", self.show, scope=admin)
        routes.post("/tokens", "token_add", self.add, scope=admin)
        routes.post(f"{one}/revoke", "token_revoke", self.revoke, scope=admin)
        routes.post(f"{one}/rotate", "token_rotate", self.rotate, scope=admin)

    def show(self) -> Response:
        """Show every token."""
        return self._page()

    def add(self) -> Response:
        """Make a token and show its text, this once."""
        days = request.form.get("days", "")
        wish: dict[str, object] = {
            "name": request.form.get("name", "").strip(),
            "scopes": request.form.getlist("scopes"),
            "queues": request.form.get("queues", "*").replace(",", " ").split()
            or ["*"],
        }
        if days.isdecimal() and int(days) in LIVES and days != "0":
            wish["expiresInS"] = int(days) * _DAY_S
        try:
            checked = NewToken.parse(msgspec.json.encode(wish))
        except InvalidDataError as error:
            return self._page(errors=by_field(error), wish=wish, status=422)
        minted = self.services.tokens.create(
            checked.name,
            scopes=checked.scopes,
            queues=checked.queues,
            expires_in_s=checked.expires_in_s,
        )
        return self._page(minted=minted, status=201)

    def revoke(self, token_id: str) -> AnyResponse:
        """End a token, and the sessions that it opened."""
        if not self.services.tokens.revoke(token_id):
            raise TokenNotFoundError
        return back(url_for("ui.tokens"), "Revoked. Sessions of this token have ended.")

    def rotate(self, token_id: str) -> Response:
        """Give a token a new text and show it, this once."""
        asked = request.form.get("overlap", "")
        overlap = int(asked) if asked.isdecimal() else _OVERLAP_S
        wish = Rotation.parse(msgspec.json.encode({"overlapS": overlap}))
        minted = self.services.tokens.rotate(token_id, overlap_s=wish.overlap_s)
        if minted is None:
            raise TokenNotFoundError
        return self._page(minted=minted)

    def _page(
        self,
        *,
        minted: Minted | None = None,
        errors: dict[str, str] | None = None,
        wish: dict[str, object] | None = None,
        status: int = 200,
    ) -> Response:
        tokens = self.services.tokens
        uses, now_ms = tokens.uses(), clock.now_ms()
        return self.services.views.page(
            "tokens.html",
            status=status,
            tokens=[
                (token, uses.get(token.id), token.expires and token.expires <= now_ms)
                for token in reversed(tokens.all())
            ],
            minted=minted,
            errors=errors or {},
            wish=wish or {"name": "", "scopes": ["read"], "queues": ["*"]},
            scopes=SCOPES,
            lives=LIVES,
        )


#: What each scope means, in the order of their power.
SCOPES = (
    (Scope.READ, "look at queues and jobs"),
    (Scope.WRITE, "put jobs and files in"),
    (Scope.OPERATE, "retry, cancel, remove, pause, limit"),
    (Scope.ADMIN, "all of it, and tokens"),
)
