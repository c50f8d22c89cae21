"""Who calls, and whether they may: checked before any route runs."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING, cast

from flask import Flask, g

from services.api import permissions
from services.api.current import current_request
from services.api.errors import ForbiddenError, UnauthorizedError
from shared import logging
from shared.access.principal import Principal, Scope
from shared.errors import BrokerError

if TYPE_CHECKING:
    from flask import Request
    from pydantic import SecretStr

    from shared.access.token_store import TokenStore

#: Below this even an unknown address asks for a token first.
CLOSED_PREFIX = "/api/"
#: A token is looked up this often at most; a revoked one works as long on.
REMEMBERED_S = 1.0
#: How many are remembered; beyond it all are looked up again.
REMEMBERED = 10_000
#: How exactly the time of the last use is known.
USE_MARK_S = 60.0

BOOTSTRAP = Principal(
    id="bootstrap",
    name="the token of the settings",
    scopes=frozenset({Scope.ADMIN}),
)

_log = logging.get(__name__)


def principal() -> Principal:
    """Return who makes the current request."""
    return cast("Principal", g.principal)


class Guard:
    """Compares tokens by their hashes, in constant time."""

    def __init__(self, token: SecretStr, store: TokenStore | None = None) -> None:
        """Admit `token` as an admin's, of which only the hash is kept.

        Args:
            token: The token of the settings.
            store: Knows all other tokens; None when there are no others.
        """
        self._hash = _hash(token.get_secret_value())
        self._store = store
        self._known: dict[bytes, tuple[Principal, float]] = {}
        self._marked: dict[str, float] = {}

    def admits(self, header: str | None) -> bool:
        """Whether an `Authorization` header carries a good token."""
        return self.identify(header) is not None

    def identify(self, header: str | None) -> Principal | None:
        """Return whose token an `Authorization` header carries, None for nobody's.

        Raises:
            RedisUnavailableError: When the token can't be looked up.
        """
        scheme, _, credentials = (header or "").partition(" ")
        text = credentials.strip()
        digest = _hash(text)
        matches = hmac.compare_digest(digest, self._hash)
        if scheme.lower() != "bearer":
            return None
        return BOOTSTRAP if matches else self._look_up(text, digest)

    def register(self, app: Flask) -> None:
        """Refuse every request to a closed address of `app` that may not be made."""

        @app.before_request
        def check() -> None:
            request = current_request()
            if _is_open(request):
                return
            caller = self.identify(request.headers.get("Authorization"))
            if caller is None:
                raise UnauthorizedError
            g.principal = caller
            if request.endpoint is not None:
                _check_scope(caller, request, request.endpoint)

    def _look_up(self, text: str, digest: bytes) -> Principal | None:
        now = time.monotonic()
        known, until = self._known.get(digest, (None, 0.0))
        if known is not None and now < until:
            return known
        token = self._store.authenticate(text) if self._store else None
        if token is None:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        found = token.principal()
        self._known[digest] = (found, now + REMEMBERED_S)
        self._mark(token.id, now)
        return found

    def _mark(self, token_id: str, now: float) -> None:
        if self._store is None or now < self._marked.get(token_id, 0.0):
            return
        self._marked[token_id] = now + USE_MARK_S
        try:
            self._store.mark_used(token_id)
        except BrokerError as error:
            # Nobody's request fails for a statistic.
            _log.warning("token_use_not_marked", token=token_id, reason=str(error))


def _check_scope(caller: Principal, request: Request, endpoint: str) -> None:
    scope = permissions.scope_of(endpoint, request.method)
    if scope is not None and not caller.may(scope):
        raise ForbiddenError(f"This token lacks the scope `{scope.value}`.")
    names_a_queue = "queue" in (request.view_args or {})
    if caller.sees_everything or names_a_queue or endpoint in permissions.MINDFUL:
        return
    raise ForbiddenError("This address needs a token for all queues.")


def _is_open(request: Request) -> bool:
    if request.endpoint is None:
        # Nothing answers here; outside the API that is no secret.
        return not request.path.startswith(CLOSED_PREFIX)
    return request.blueprint in permissions.OPEN_BLUEPRINTS


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
