"""Who is signed in: a random cookie, and in Redis what it stands for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, cast

import msgspec

from services.api.auth import BOOTSTRAP
from shared import clock
from shared.access.keys import ApiKeys
from shared.access.token import digest_of
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis
    from pydantic import SecretStr

    from shared.access.principal import Principal
    from shared.access.token_store import TokenStore

#: A session ends after this long without a request, in seconds.
IDLE_S = 12 * 3600
#: A session ends after this long whatever happens, in seconds.
LIFE_S = 7 * 86_400
_SECRET_BYTES = 32


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person's visit.

    Attributes:
        token_id: Id of the token that opened it.
        digest: SHA-256 of that token's text: a rotated token ends the session.
        csrf: What every form of the session carries.
        created: Epoch milliseconds.
    """

    token_id: str
    digest: str
    csrf: str
    created: int


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Session)


class SessionStore:
    """Opens, finds and ends sessions; the token is asked about at each request."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        tokens: TokenStore,
        bootstrap: SecretStr,
    ) -> None:
        """Keep sessions under `namespace`.

        Args:
            client: Speaks to Redis.
            namespace: Prefix of the keys.
            tokens: Knows whose a token is.
            bootstrap: The token of the settings, an admin's.
        """
        self._client = client
        self._keys = ApiKeys(namespace)
        self._tokens = tokens
        self._bootstrap = digest_of(bootstrap.get_secret_value())

    def open(self, token_text: str) -> tuple[str, Session] | None:
        """Begin a session with a token.

        Returns:
            The cookie's text and the session; None when the token is not good.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        digest = digest_of(token_text)
        if hmac.compare_digest(digest, self._bootstrap):
            token_id = BOOTSTRAP.id
        else:
            token = self._tokens.authenticate(token_text)
            if token is None:
                return None
            token_id = token.id
        session = Session(
            token_id=token_id,
            digest=digest,
            csrf=secrets.token_urlsafe(_SECRET_BYTES),
            created=clock.now_ms(),
        )
        cookie = secrets.token_urlsafe(_SECRET_BYTES)
        with translated_errors():
            self._client.set(self._key(cookie), _ENCODER.encode(session), ex=IDLE_S)
        return cookie, session

    def find(self, cookie: str) -> tuple[Session, Principal] | None:
        """Return a session and who holds it, None when it has ended."""
        if not cookie:
            return None
        with translated_errors():
            found = self._client.getex(self._key(cookie), ex=IDLE_S)
        if not found:
            return None
        session = _DECODER.decode(cast("bytes", found))
        principal = self._principal(session)
        if principal is None or clock.now_ms() > session.created + LIFE_S * 1000:
            self.end(cookie)
            return None
        return session, principal

    def end(self, cookie: str) -> None:
        """End a session."""
        with translated_errors():
            self._client.delete(self._key(cookie))

    def _principal(self, session: Session) -> Principal | None:
        if session.token_id == BOOTSTRAP.id:
            is_good = hmac.compare_digest(session.digest, self._bootstrap)
            return BOOTSTRAP if is_good else None
        token = self._tokens.find(session.token_id)
        if token is None or not token.accepts_digest(
            session.digest, now_ms=clock.now_ms()
        ):
            return None
        return token.principal()

    def _key(self, cookie: str) -> str:
        # Who reads Redis must not be able to sign in with what is found there.
        return self._keys.of("ui-session", hashlib.sha256(cookie.encode()).hexdigest())
