"""The names of our Redis keys; built here and, below one prefix, in `keys.lua`."""

from __future__ import annotations

from dataclasses import dataclass

from shared.jobs.names import check_queue

#: Keys of a queue that exist once, and the Redis type of each.
QUEUE_KEYS = {
    "waiting": "zset",
    "grouped": "zset",
    "delayed": "zset",
    "active": "zset",
    "completed": "zset",
    "failed": "zset",
    "cancelled": "zset",
    "cancelling": "set",
    "expiring": "zset",
    "leaving": "zset",
    "meta": "hash",
    "rate": "string",
    "lanes": "zset",
    "parked": "zset",
    "groupActive": "hash",
    "groupLimits": "hash",
    "callbacks": "hash",
    "outbox": "stream",
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
    "group": "zset",
    "grouprate": "string",
    "dedup": "string",
    "next": "hash",
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
        """What every key of the queue begins with; the first KEYS of every script."""
        return f"{self.namespace}:{{{self.queue}}}:"

    @property
    def script_keys(self) -> tuple[str, str]:
        """The KEYS of every script."""
        return script_keys(self.prefix)

    def one(self, name: str) -> str:
        """Return the key of `name`, one of QUEUE_KEYS."""
        return f"{self.prefix}{name}"

    def of(self, name: str, member: str) -> str:
        """Return the key of `name`, one of MEMBER_KEYS, for a job or a worker."""
        return f"{self.prefix}{name}:{member}"


def script_keys(prefix: str) -> tuple[str, str]:
    """Return the KEYS of a script that makes its keys of `prefix`: names of none.

    One would do to find the slot. But while a Cluster moves the slot to another node, a
    script of one key that is missing would run there before the others have come. One
    of two keys is told to try again until all of them are there.
    """
    return prefix, f"{prefix}-"


def queues_key(namespace: str) -> str:
    """Return the key of the set of all queue names."""
    return f"{namespace}:queues"


def job_totals_key(namespace: str, day: str) -> str:
    """Return the key of what a day's jobs came to."""
    return f"{namespace}:{{totals}}:jobs:{day}"


def slowest_jobs_key(namespace: str, day: str) -> str:
    """Return the key of a day's slowest jobs."""
    return f"{namespace}:{{totals}}:slowest:{day}"


def event_totals_prefix(namespace: str) -> str:
    """Return what every key of the events that were counted begins with."""
    return f"{namespace}:{{events}}:"
