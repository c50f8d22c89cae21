"""Remembers who changed what."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec

from shared.access.keys import ApiKeys
from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    import redis

#: Entries that are kept, more or less: Redis trims in whole blocks.
KEPT = 10_000


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change, or one refused attempt at it.

    Attributes:
        id: Its place in the log.
        at: Epoch milliseconds.
        actor: Id of the token.
        actor_name: What its maker called it.
        action: What was asked for, such as `tokens.revoke`.
        target: On what: the address.
        status: The HTTP status of the answer.
        request_id: Finds the log lines of the request.
        address: Where it came from.
    """

    actor: str
    actor_name: str
    action: str
    target: str
    status: int
    request_id: str = ""
    address: str = ""
    id: str = ""
    at: int = 0


class AuditLog:
    """Appends entries to one capped stream and reads them, newest first."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them through `client`, under `namespace`."""
        self._client = client
        self._key = ApiKeys(namespace).one("audit")

    def write(self, entry: AuditEntry) -> None:
        """Append an entry; the server decides its id and time."""
        text = msgspec.json.encode(entry)
        with translated_errors():
            self._client.xadd(self._key, {"entry": text}, maxlen=KEPT, approximate=True)

    def page(self, *, before: str = "+", limit: int = 50) -> list[AuditEntry]:
        """Return entries older than the id `before`, newest first."""
        if before != "+" and not any(map(int, before.split("-"))):
            # Nothing is older than 0-0, and Redis calls this an error.
            return []
        end = before if before == "+" else f"({before}"
        with translated_errors():
            rows = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                self._client.xrevrange(self._key, max=end, min="-", count=limit),
            )
        return [_entry(row_id.decode(), fields[b"entry"]) for row_id, fields in rows]


def _entry(row_id: str, text: bytes) -> AuditEntry:
    entry = msgspec.json.decode(text, type=AuditEntry)
    return msgspec.structs.replace(entry, id=row_id, at=int(row_id.partition("-")[0]))
