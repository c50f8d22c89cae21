"""Keeps the tokens in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from shared import clock, ids
from shared.access.keys import ApiKeys
from shared.access.principal import EVERY_QUEUE, Scope
from shared.access.token import Minted, Token, digest_of, id_in, new_text
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import redis

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Token)


class TokenStore:
    """Makes, finds, rotates and revokes tokens."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them through `client`, under `namespace`."""
        self._client = client
        keys = ApiKeys(namespace)
        self._key = keys.one("tokens")
        self._uses_key = keys.one("token-uses")

    def create(
        self,
        name: str,
        *,
        scopes: Iterable[Scope],
        queues: Iterable[str] = EVERY_QUEUE,
        expires_in_s: int | None = None,
    ) -> Minted:
        """Make a token.

        Args:
            name: What people call it.
            scopes: What it may do.
            queues: Patterns of the queues it sees.
            expires_in_s: Seconds until it ends; None means that it does not.
        """
        token_id, now_ms = ids.new_id(), clock.now_ms()
        text = new_text(token_id)
        token = Token(
            id=token_id,
            name=name,
            scopes=tuple(sorted(set(scopes))),
            queues=tuple(dict.fromkeys(queues)),
            digest=digest_of(text),
            created=now_ms,
            expires=None if expires_in_s is None else now_ms + expires_in_s * 1000,
        )
        with translated_errors():
            self._client.hset(self._key, token_id, _ENCODER.encode(token))
        return Minted(token, text)

    def find(self, token_id: str) -> Token | None:
        """Return the token with an id."""
        with translated_errors():
            stored = cast("bytes | None", self._client.hget(self._key, token_id))
        return _DECODER.decode(stored) if stored else None

    def all(self) -> list[Token]:
        """Return every token, oldest first."""
        with translated_errors():
            stored = cast("list[bytes]", self._client.hvals(self._key))
        return sorted((_DECODER.decode(text) for text in stored), key=lambda t: t.id)

    def authenticate(self, text: str) -> Token | None:
        """Return the token whose text this is, None when there is no such good one."""
        token_id = id_in(text)
        token = self.find(token_id) if token_id else None
        if token is None or not token.accepts(text, now_ms=clock.now_ms()):
            return None
        return token

    def rotate(self, token_id: str, *, overlap_s: int) -> Minted | None:
        """Give a token a new text; the old one stays good for `overlap_s` seconds.

        Returns None when there is no such token.
        """
        text = new_text(token_id)

        def rotated(token: Token) -> Token:
            return msgspec.structs.replace(
                token,
                digest=digest_of(text),
                previous_digest=token.digest,
                previous_until=clock.now_ms() + overlap_s * 1000,
            )

        changed = self._change(token_id, rotated)
        return Minted(changed, text) if changed else None

    def revoke(self, token_id: str) -> bool:
        """End a token at once; tell whether there was one."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hdel(self._key, token_id)
            pipeline.hdel(self._uses_key, token_id)
            removed, _ = pipeline.execute()
        return bool(removed)

    def mark_used(self, token_id: str) -> None:
        """Remember that a token was used now."""
        with translated_errors():
            self._client.hset(self._uses_key, token_id, clock.now_ms())

    def uses(self) -> dict[str, int]:
        """Return when each token was last used, epoch milliseconds."""
        with translated_errors():
            uses = cast("dict[bytes, bytes]", self._client.hgetall(self._uses_key))
        return {token_id.decode(): int(at) for token_id, at in uses.items()}

    def _change(self, token_id: str, change: Callable[[Token], Token]) -> Token | None:
        """Change a stored token; another's change in between is not overwritten."""
        changed: list[Token] = []

        def transaction(pipe: redis.client.Pipeline) -> None:
            changed.clear()
            stored = cast("bytes | None", pipe.hget(self._key, token_id))
            pipe.multi()
            if stored:
                changed.append(change(_DECODER.decode(stored)))
                pipe.hset(self._key, token_id, _ENCODER.encode(changed[0]))

        with translated_errors():
            self._client.transaction(transaction, self._key)
        return changed[0] if changed else None
