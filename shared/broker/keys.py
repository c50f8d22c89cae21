"""The names of our Redis keys; built here and, below one prefix, in `keys.lua`."""

from __future__ import annotations

from dataclasses import dataclass

from shared.jobs.names import check_queue

#: Keys of a queue that exist once, and the Redis type of each.
QUEUE_KEYS = {
    "waiting": "zset",
    "delayed": "zset",
    "active": "zset",
    "completed": "zset",
    "failed": "zset",
    "cancelled": "zset",
    "meta": "hash",
    "events": "stream",
    "wake": "list",
    "sweep": "string",
}
#: Keys of a queue that exist once per job, worker or minute, and the type of each.
MEMBER_KEYS = {
    "job": "string",
    "run": "hash",
    "attempts": "list",
    "logs": "list",
    "gone": "hash",
    "claim": "string",
}


@dataclass(frozen=True)
class QueueKeys:
    """The keys of one queue: all under one hash tag, so all in one Cluster slot.

    Raises:
        InvalidNameError: When the queue's name could collide with a key of ours.
    """

    namespace: str
    queue: str

    def __post_init__(self) -> None:
        check_queue(self.queue)

    @property
    def prefix(self) -> str:
        """What every key of the queue begins with; the one KEYS of every script."""
        return f"{self.namespace}:{{{self.queue}}}:"

    def one(self, name: str) -> str:
        """Return the key of `name`, one of QUEUE_KEYS."""
        return f"{self.prefix}{name}"

    def of(self, name: str, member: str) -> str:
        """Return the key of `name`, one of MEMBER_KEYS, for a job or a worker."""
        return f"{self.prefix}{name}:{member}"


def queues_key(namespace: str) -> str:
    """Return the key of the set of all queue names."""
    return f"{namespace}:queues"
