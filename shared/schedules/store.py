"""Where schedules are kept: the only code besides the scheduler that knows how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.broker.connection import translated_errors
from shared.errors import RecordTypeError
from shared.schedules.keys import SchedulerKeys
from shared.schedules.record import StoredSchedule, schedule_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import redis

#: How many lines the ledger of one schedule keeps, roughly.
LEDGER_LINES = 1_000
#: What `write` answers when the schedule was changed meanwhile, or is not wanted.
CHANGED, DECLINED = 0, -1

_LUA = Path(__file__).parent / "lua"


class Found(NamedTuple):
    """Schedules, None where there is none, at one instant of the server's clock."""

    now_ms: int
    schedules: list[StoredSchedule | None]


class LedgerLine(NamedTuple):
    """What became of a slot, or of several: when it was written, and the fields."""

    id: str
    fields: dict[str, str]


class ScheduleStore:
    """Keeps schedules in Redis; each method is one round trip."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._client = client
        self._keys = SchedulerKeys(namespace)
        self._write, self._remove, self._read, self._note = (
            client.register_script((_LUA / f"{name}.lua").read_text(encoding="utf-8"))
            for name in ("write", "remove", "read", "note")
        )

    def read(self, ids: Sequence[str]) -> Found:
        """Return schedules by their ids."""
        with translated_errors():
            reply = self._read(keys=self._keys.script_keys, args=list(ids))
        found = []
        for position, schedule_id in enumerate(ids):
            flat, due = reply[1 + 2 * position], reply[2 + 2 * position]
            due_ms = int(float(due)) if due else None
            found.append(
                schedule_of(schedule_id, fields_of(flat), due_ms=due_ms)
                if flat
                else None
            )
        return Found(int(reply[0]), found)

    def ids_after(self, schedule_id: str, *, limit: int) -> list[str]:
        """Return the ids that follow `schedule_id` in the alphabet, at first all."""
        first = f"({schedule_id}" if schedule_id else "-"
        with translated_errors():
            found: Any = self._client.zrange(
                self._keys.ids, first, "+", bylex=True, offset=0, num=limit
            )
        return [name.decode() for name in found]

    def count(self) -> int:
        """Return how many schedules there are."""
        with translated_errors():
            return int(self._client.zcard(self._keys.ids))

    def write(
        self,
        schedule_id: str,
        *,
        expected_revision: int,
        cursor_ms: int,
        due_ms: int | None,
        fields: Mapping[str, str | int],
        unless_declined: bool = False,
    ) -> int:
        """Create or change a schedule; return its revision, CHANGED or DECLINED."""
        flat = [part for pair in fields.items() for part in pair]
        with translated_errors():
            reply = self._write(
                keys=self._keys.script_keys,
                args=[
                    schedule_id,
                    expected_revision,
                    cursor_ms,
                    "" if due_ms is None else due_ms,
                    int(unless_declined),
                    *flat,
                ],
            )
        return int(reply)

    def remove(self, schedule_id: str, *, for_good: bool) -> bool:
        """Forget a schedule; return whether there was one.

        Args:
            schedule_id: Which.
            for_good: Whether it stays away when the code declares it again.
        """
        with translated_errors():
            reply = self._remove(
                keys=self._keys.script_keys, args=[schedule_id, int(for_good)]
            )
        return bool(reply)

    def declared(self) -> list[str]:
        """Return the ids of the defaults that the code declared last."""
        with translated_errors():
            names: Any = self._client.smembers(self._keys.declared)
        return sorted(name.decode() for name in names)

    def set_declared(self, ids: Iterable[str]) -> None:
        """Remember the ids of the defaults that the code declares."""
        pipeline = self._client.pipeline()
        pipeline.delete(self._keys.declared)
        if names := list(ids):
            pipeline.sadd(self._keys.declared, *names)
        with translated_errors():
            pipeline.execute()

    def note(self, schedule_id: str, fields: Mapping[str, str | int]) -> None:
        """Write a line into a schedule's ledger."""
        flat = [part for pair in fields.items() for part in pair]
        with translated_errors():
            self._note(
                keys=self._keys.script_keys, args=[schedule_id, LEDGER_LINES, *flat]
            )

    def ledger(
        self, schedule_id: str, *, before: str = "", limit: int
    ) -> list[LedgerLine]:
        """Return a schedule's lines, newest first, older than the line `before`."""
        if before and not any(map(int, before.split("-"))):
            # Nothing is older than 0-0, and Redis calls this an error.
            return []
        newest = f"({before}" if before else "+"
        with translated_errors():
            entries: Any = self._client.xrevrange(
                self._keys.ledger(schedule_id), newest, "-", count=limit
            )
        return [
            LedgerLine(
                entry_id.decode(), {k.decode(): v.decode() for k, v in fields.items()}
            )
            for entry_id, fields in entries
        ]


def fields_of(flat: Sequence[bytes]) -> dict[str, str]:
    """Return a script's flat list of fields and values.

    Raises:
        RecordTypeError: When it is no text, so none of ours.
    """
    try:
        words = [part.decode() for part in flat]
    except UnicodeDecodeError as error:
        message = "A schedule in Redis holds something else than text."
        raise RecordTypeError(message) from error
    return dict(zip(words[::2], words[1::2], strict=True))
