"""A token: what it may do, and how its secret is made and recognised."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

import msgspec

from shared import ids
from shared.access.principal import EVERY_QUEUE, Principal, Scope

#: Begins every token, so that scanners for leaked secrets find it.
PREFIX = "nst"
_SECRET_BYTES = 32
_TEXT = re.compile(rf"{PREFIX}_([{ids.ALPHABET}]{{{ids.LENGTH}}})_[A-Za-z0-9_-]{{43}}")


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of a token; its secret is not.

    Attributes:
        id: Its id, the middle part of its text.
        name: What its maker called it.
        scopes: What it may do.
        queues: Patterns of the queues it sees.
        digest: SHA-256 of its text, in hexadecimal.
        created: Epoch milliseconds.
        expires: Epoch milliseconds; None means never.
        previous_digest: SHA-256 of the text before the last rotation.
        previous_until: How long that one is still good, epoch milliseconds.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    digest: str
    created: int
    queues: tuple[str, ...] = EVERY_QUEUE
    expires: int | None = None
    previous_digest: str = ""
    previous_until: int = 0

    def accepts(self, text: str, *, now_ms: int) -> bool:
        """Whether `text` is this token's and still good."""
        return self.accepts_digest(digest_of(text), now_ms=now_ms)

    def accepts_digest(self, digest: str, *, now_ms: int) -> bool:
        """Whether the SHA-256 of a text is that of this token and still good."""
        is_current = hmac.compare_digest(digest, self.digest)
        is_previous = hmac.compare_digest(digest, self.previous_digest or "-" * 64)
        is_good = self.expires is None or now_ms < self.expires
        return is_good and (
            is_current or (is_previous and now_ms < self.previous_until)
        )

    def principal(self) -> Principal:
        """Return who holds it."""
        return Principal(
            id=self.id,
            name=self.name,
            scopes=frozenset(self.scopes),
            queues=self.queues,
        )


class Minted(NamedTuple):
    """A token and its text, which is shown once and stored nowhere."""

    token: Token
    text: str


def new_text(token_id: str) -> str:
    """Return a new secret text for a token."""
    return f"{PREFIX}_{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"


def id_in(text: str) -> str | None:
    """Return the id of the token that `text` claims to be, None for other texts."""
    found = _TEXT.fullmatch(text)
    return found[1] if found else None


def digest_of(text: str) -> str:
    """Return the SHA-256 of a text; the text is random, so no slow hash is needed."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
