"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: A queue's name in which `*` stands for any letters, such as `email` or `team-*`.
QUEUE_PATTERN = r"^[A-Za-z0-9_.*-]{1,64}$"
EVERY_QUEUE = ("*",)


class Scope(StrEnum):
    """What a token may do; `admin` may do all.

    `read` looks, `write` puts jobs and files in, `operate` changes what is there
    (retry, cancel, pause, remove), `admin` manages tokens and reads the audit log.
    """

    READ = "read"
    WRITE = "write"
    OPERATE = "operate"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Whoever holds a token.

    Attributes:
        id: The token's id.
        name: What its maker called it.
        scopes: What it may do.
        queues: Patterns of the queues it sees.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    queues: tuple[str, ...] = EVERY_QUEUE

    def may(self, scope: Scope) -> bool:
        """Whether a scope is granted."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def sees(self, queue: str) -> bool:
        """Whether a queue exists as far as this token knows."""
        return any(_fits(queue, pattern) for pattern in self.queues)

    @property
    def sees_everything(self) -> bool:
        """Whether no queue is hidden."""
        return "*" in self.queues


def _fits(queue: str, pattern: str) -> bool:
    """Whether a pattern means a queue; linear, where a regex may take forever."""
    first, *rest = pattern.split("*")
    if not rest:
        return queue == pattern
    if not queue.startswith(first):
        return False
    at = len(first)
    *middle, last = rest
    for part in middle:
        found = queue.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return queue.endswith(last) and at <= len(queue) - len(last)
