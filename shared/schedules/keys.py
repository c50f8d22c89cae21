"""The names of the Redis keys that schedules and schedulers use."""

from __future__ import annotations

from dataclasses import dataclass

from shared.broker import keys


@dataclass(frozen=True)
class SchedulerKeys:
    """The keys of all schedules: under one hash tag, so all in one Cluster slot."""

    namespace: str

    @property
    def prefix(self) -> str:
        """What every key begins with; the first KEYS of every script."""
        return f"{self.namespace}:{{scheduler}}:"

    @property
    def script_keys(self) -> tuple[str, str]:
        """The KEYS of the scripts."""
        return keys.script_keys(self.prefix)

    @property
    def leader(self) -> str:
        """The lease: a string `<token>:<holder>` that expires."""
        return f"{self.prefix}leader"

    @property
    def epoch(self) -> str:
        """The last token that was given out: a counter."""
        return f"{self.prefix}epoch"

    @property
    def revisions(self) -> str:
        """The last revision that was given out: a counter."""
        return f"{self.prefix}revisions"

    @property
    def ids(self) -> str:
        """All schedules: a sorted set by name."""
        return f"{self.prefix}ids"

    @property
    def due(self) -> str:
        """When each schedule needs a look, epoch milliseconds: a sorted set."""
        return f"{self.prefix}due"

    @property
    def declared(self) -> str:
        """The defaults that the code declared last: a set."""
        return f"{self.prefix}declared"

    @property
    def declined(self) -> str:
        """Defaults that a person removed: a set."""
        return f"{self.prefix}declined"

    def schedule(self, schedule_id: str) -> str:
        """Return the key of a schedule, a hash."""
        return f"{self.prefix}schedule:{schedule_id}"

    def ledger(self, schedule_id: str) -> str:
        """Return the key of a schedule's ledger, a stream."""
        return f"{self.prefix}ledger:{schedule_id}"
