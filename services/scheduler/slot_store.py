"""What the leader reads and writes about slots in Redis."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from services.scheduler.lease_store import LUA
from shared.broker.connection import translated_errors
from shared.schedules.keys import SchedulerKeys
from shared.schedules.record import PROGRESS_FIELDS, Progress, progress_of
from shared.schedules.store import LEDGER_LINES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

    Fields = Mapping[str, str | int]


class Due(NamedTuple):
    """A schedule that needs a look, and how far it has come."""

    id: str
    progress: Progress


class Settled(IntEnum):
    """What became of an entry."""

    DONE = 1
    CHANGED = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was decided about a schedule; times are epoch milliseconds.

    Attributes:
        schedule_id: Which.
        revision: As it was read.
        cursor_ms: The last slot that is decided.
        due_ms: When it needs a look; None when it rests from now on.
        changes: Fields of the schedule.
        lines: For the ledger: a slot, and what became of it.
    """

    schedule_id: str
    revision: int
    cursor_ms: int
    due_ms: int | None
    changes: Fields = field(default_factory=dict)
    lines: Sequence[tuple[int, Fields]] = ()

    def words(self) -> list[str | int]:
        """Return it as the script's arguments."""
        due = "" if self.due_ms is None else self.due_ms
        words: list[str | int] = [self.schedule_id, self.revision, self.cursor_ms, due]
        words += _pairs(self.changes)
        words.append(len(self.lines))
        for slot_ms, fields in self.lines:
            words += [slot_ms, *_pairs(fields)]
        return words


class SlotStore:
    """Calls the leader's scripts; every one is safe to send twice."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._client = client
        self._keys = SchedulerKeys(namespace)
        self._due, self._settle = (
            client.register_script((LUA / f"{name}.lua").read_text(encoding="utf-8"))
            for name in ("due", "settle")
        )

    def due(self, *, until_ms: int, limit: int, skipped: int = 0) -> list[Due]:
        """Return schedules that need a look, the longest due first."""
        with translated_errors():
            reply = self._due(
                keys=self._keys.script_keys, args=[until_ms, limit, skipped]
            )
        found = []
        for position in range(0, len(reply), 3):
            values = [value.decode() if value else "" for value in reply[position + 2]]
            fields = dict(zip(PROGRESS_FIELDS, values, strict=True))
            due_ms = int(float(reply[position + 1]))
            found.append(
                Due(reply[position].decode(), progress_of(fields, due_ms=due_ms))
            )
        return found

    def upcoming(self, *, until_ms: int, limit: int) -> list[tuple[str, int]]:
        """Return who needs a look next, and when, the earliest first."""
        with translated_errors():
            found: Any = self._client.zrange(
                self._keys.due,
                "-inf",
                until_ms,
                byscore=True,
                offset=0,
                num=limit,
                withscores=True,
            )
        return [(name.decode(), int(score)) for name, score in found]

    def due_times(self, ids: Sequence[str]) -> dict[str, int | None]:
        """Return when schedules need a look; None for one that rests or is no more."""
        if not ids:
            return {}
        with translated_errors():
            scores: Any = self._client.zmscore(self._keys.due, list(ids))
        return {
            name: None if score is None else int(score)
            for name, score in zip(ids, scores, strict=True)
        }

    def definitions(self, ids: Sequence[str]) -> list[tuple[int, int, bytes]]:
        """Return revision, cursor and definition per schedule; 0 for no schedule."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for schedule_id in ids:
                pipeline.hmget(
                    self._keys.schedule(schedule_id),
                    ["revision", "cursor", "definition"],
                )
            replies: Any = pipeline.execute()
        return [
            (int(revision or 0), int(cursor or 0), text or b"")
            for revision, cursor, text in replies
        ]

    def settle(self, mark: str, entries: Sequence[Entry]) -> list[Settled] | None:
        """Write entries down; None when the lease is another's, and nothing is."""
        words: list[str | int] = [mark, LEDGER_LINES]
        for entry in entries:
            words += entry.words()
        with translated_errors():
            reply = self._settle(keys=self._keys.script_keys, args=words)
        return None if reply == -1 else [Settled(answer) for answer in reply]


def _pairs(fields: Fields) -> list[str | int]:
    return [len(fields), *(part for pair in fields.items() for part in pair)]
