"""The names of the Redis keys that belong to the API itself."""

from __future__ import annotations

from dataclasses import dataclass

#: Keys that exist once, and the Redis type of each.
API_KEYS = {
    "tokens": "hash",
    "token-uses": "hash",
    "audit": "stream",
    "quotas": "hash",
    "operations": "zset",
}
#: Keys that exist once per member, and the type of each.
API_MEMBER_KEYS = {
    "idempotency": "string",
    "in-flight": "string",
    "operation": "hash",
    "operation-lease": "string",
    "ui-session": "string",
    "ui-attempts": "string",
    "pace": "hash",
}


@dataclass(frozen=True)
class ApiKeys:
    """The keys of one installation's API: all in one Cluster slot."""

    namespace: str

    @property
    def prefix(self) -> str:
        """What every key begins with; no key of a queue named `api` is among them."""
        return f"{self.namespace}:{{api}}:"

    def one(self, name: str) -> str:
        """Return the key of `name`, one of API_KEYS."""
        return f"{self.prefix}{name}"

    def of(self, name: str, member: str) -> str:
        """Return the key of `name`, one of API_MEMBER_KEYS, for a member."""
        return f"{self.prefix}{name}:{member}"
