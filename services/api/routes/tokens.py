"""`/api/v1/tokens`: who may call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from services.api.auth import principal
from services.api.errors import TokenNotFoundError
from services.api.json_answer import json_answer
from services.api.request_body import read_model
from services.api.schemas import NewToken, Rotation

if TYPE_CHECKING:
    from shared.access.token import Minted, Token
    from shared.access.token_store import TokenStore

PREFIX = "/api/v1/tokens"


@dataclass(frozen=True, kw_only=True)
class TokenRoutes:
    """The routes and what they need."""

    tokens: TokenStore
    max_body_bytes: int

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("tokens", __name__, url_prefix=PREFIX)
        routes.get("")(self.index)
        routes.post("")(self.add)
        routes.get("/self")(self.own)
        routes.get("/<id:token_id>")(self.show)
        routes.delete("/<id:token_id>")(self.revoke)
        routes.post("/<id:token_id>/rotate")(self.rotate)
        return routes

    def index(self) -> Response:
        """Show every token."""
        uses = self.tokens.uses()
        shown = [_document(token, uses.get(token.id)) for token in self.tokens.all()]
        return json_answer({"tokens": shown})

    def add(self) -> Response:
        """Make a token; its text is in this answer and nowhere else."""
        wish = read_model(NewToken, request, limit=self.max_body_bytes)
        minted = self.tokens.create(
            wish.name,
            scopes=wish.scopes,
            queues=wish.queues,
            expires_in_s=wish.expires_in_s,
        )
        location = f"{PREFIX}/{minted.token.id}"
        return json_answer(_shown(minted), status=201, headers={"Location": location})

    def own(self) -> Response:
        """Show what the token of this request may do."""
        caller = principal()
        return json_answer(
            {
                "id": caller.id,
                "name": caller.name,
                "scopes": sorted(caller.scopes),
                "queues": caller.queues,
            }
        )

    def show(self, token_id: str) -> Response:
        """Show a token."""
        token = self.tokens.find(token_id)
        if token is None:
            raise TokenNotFoundError
        return json_answer(_document(token, self.tokens.uses().get(token_id)))

    def revoke(self, token_id: str) -> Response:
        """End a token."""
        if not self.tokens.revoke(token_id):
            raise TokenNotFoundError
        return Response(status=204)

    def rotate(self, token_id: str) -> Response:
        """Give a token a new text."""
        wish = read_model(Rotation, request, limit=self.max_body_bytes)
        minted = self.tokens.rotate(token_id, overlap_s=wish.overlap_s)
        if minted is None:
            raise TokenNotFoundError
        return json_answer(_shown(minted))


def _shown(minted: Minted) -> dict[str, Any]:
    return {**_document(minted.token, None), "token": minted.text}


def _document(token: Token, last_used: int | None) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "queues": token.queues,
        "created": token.created,
        "expires": token.expires,
        "lastUsed": last_used,
    }
