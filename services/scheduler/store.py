"""What the scheduler keeps in Redis: cursors, the ledger, and the leader's lease."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.broker.connection import translated_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

#: How many entries the ledger of one schedule keeps, roughly.
LEDGER_ENTRIES = 1_000

_LUA = Path(__file__).parent / "lua"


@dataclass(frozen=True)
class SchedulerKeys:
    """The scheduler's keys: all under one hash tag, so all in one Cluster slot."""

    namespace: str

    @property
    def prefix(self) -> str:
        """What every key of the scheduler begins with."""
        return f"{self.namespace}:{{scheduler}}:"

    @property
    def leader(self) -> str:
        """The lease: a string `<token>:<holder>` that expires."""
        return f"{self.prefix}leader"

    @property
    def epoch(self) -> str:
        """The last token that was given out: a counter."""
        return f"{self.prefix}epoch"

    @property
    def cursors(self) -> str:
        """The last settled slot of each schedule: a hash of epoch milliseconds."""
        return f"{self.prefix}cursors"

    def ledger(self, schedule_id: str) -> str:
        """Return the key of a schedule's ledger, a stream."""
        return f"{self.prefix}ledger:{schedule_id}"


class Acquired(NamedTuple):
    """The answer to the wish for the lease; token 0 means that another has it."""

    token: int
    remaining_ms: int
    now_ms: int


class Renewed(NamedTuple):
    """The answer to the wish to keep the lease."""

    held: bool
    now_ms: int


class Settled(IntEnum):
    """What became of an entry."""

    DONE = 1
    REPEATED = 0
    FENCED = -1


class Entry(NamedTuple):
    """A line of the ledger.

    Attributes:
        schedule_id: Whose.
        slot_ms: The last slot that it is about, epoch milliseconds.
        fields: What became of the slots.
    """

    schedule_id: str
    slot_ms: int
    fields: Mapping[str, str | int]


class SchedulerStore:
    """Calls the scheduler's scripts; every one is safe to send twice."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._client = client
        self._keys = SchedulerKeys(namespace)
        self._acquire, self._renew, self._release, self._settle = (
            client.register_script((_LUA / f"{name}.lua").read_text(encoding="utf-8"))
            for name in ("acquire", "renew", "release", "settle")
        )

    def acquire(self, holder: str, *, lease_ms: int) -> Acquired:
        """Take the leader's lease when nobody has it."""
        with translated_errors():
            reply = self._acquire(
                keys=[self._keys.leader, self._keys.epoch], args=[holder, lease_ms]
            )
        token, remaining_ms, now_ms = (int(part) for part in reply)
        return Acquired(token, remaining_ms, now_ms)

    def renew(self, mark: str, *, lease_ms: int) -> Renewed:
        """Prolong the lease that holds `mark`."""
        with translated_errors():
            held, now_ms = self._renew(keys=[self._keys.leader], args=[mark, lease_ms])
        return Renewed(int(held) == 1, int(now_ms))

    def release(self, mark: str) -> bool:
        """Give the lease that holds `mark` back; return whether it still held it."""
        with translated_errors():
            return bool(self._release(keys=[self._keys.leader], args=[mark]))

    def open_cursors(
        self, ids: Sequence[str], *, first_ms: Mapping[str, int], now_ms: int
    ) -> dict[str, int]:
        """Return the last settled slot of each schedule, epoch milliseconds.

        Args:
            ids: The schedules.
            first_ms: Where a schedule without a cursor begins, if that is known.
            now_ms: Where it begins if not: slots before it never were its own.
        """
        if not ids:
            return {}
        with translated_errors():
            stored: list[Any] = self._client.hmget(self._keys.cursors, list(ids))
            cursors = dict(zip(ids, stored, strict=True))
            for schedule_id in (name for name, value in cursors.items() if not value):
                begin = first_ms.get(schedule_id, now_ms)
                self._client.hsetnx(self._keys.cursors, schedule_id, str(begin))
                # Whoever came first, what is stored now is what counts.
                cursors[schedule_id] = self._client.hget(
                    self._keys.cursors, schedule_id
                )
        return {name: int(value) for name, value in cursors.items()}

    def settle(self, mark: str, entry: Entry) -> Settled:
        """Write an entry into the ledger and move the cursor behind its slots."""
        fields = [part for pair in entry.fields.items() for part in pair]
        with translated_errors():
            reply = self._settle(
                keys=[
                    self._keys.leader,
                    self._keys.cursors,
                    self._keys.ledger(entry.schedule_id),
                ],
                args=[mark, entry.schedule_id, entry.slot_ms, LEDGER_ENTRIES, *fields],
            )
        return Settled(int(reply))
