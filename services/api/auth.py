"""Who may call: the bearer of the token; two open blueprints need none."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from flask import Flask, request

from services.api.errors import UnauthorizedError

if TYPE_CHECKING:
    from pydantic import SecretStr

#: Probes, the scrape and, where a setting allows it, the learning endpoints.
OPEN_BLUEPRINTS = frozenset({"health", "demo"})
#: Below this even an unknown address asks for the token first.
CLOSED_PREFIX = "/api/"


class Guard:
    """Compares tokens by their hashes, in constant time."""

    def __init__(self, token: SecretStr) -> None:
        """Keep the hash of `token` only."""
        self._hash = _hash(token.get_secret_value())

    def admits(self, header: str | None) -> bool:
        """Whether an `Authorization` header carries the token."""
        scheme, _, credentials = (header or "").partition(" ")
        matches = hmac.compare_digest(_hash(credentials.strip()), self._hash)
        return matches and scheme.lower() == "bearer"

    def register(self, app: Flask) -> None:
        """Refuse every request to a closed address of `app` without the token."""

        @app.before_request
        def require_token() -> None:
            if _is_open():
                return
            if not self.admits(request.headers.get("Authorization")):
                raise UnauthorizedError


def _is_open() -> bool:
    if request.endpoint is None:
        # Nothing answers here; outside the API that is no secret.
        return not request.path.startswith(CLOSED_PREFIX)
    return request.blueprint in OPEN_BLUEPRINTS


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
