"""A schedule as it is kept: what was wished, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shared.schedules.definition import ScheduleDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping


class Origin(StrEnum):
    """Who wrote a schedule last: our code, or a person."""

    CODE = "code"
    USER = "user"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a schedule has come; times are epoch milliseconds.

    Attributes:
        revision: Changes with every change of the schedule; never used again.
        cursor_ms: The last slot that was decided.
        due_ms: When it needs a look; None while it rests.
        fired: Slots that became jobs.
        recent: The last slots that did, oldest first.
        buffered: A slot that waits for the previous job to end.
        paused: Why it rests; empty when it does not.
        trouble: Why its slots can't be fired at present; empty when they can.
    """

    revision: int = 0
    cursor_ms: int
    due_ms: int | None = None
    fired: int = 0
    recent: tuple[int, ...] = ()
    buffered: int | None = None
    paused: str = ""
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredSchedule:
    """A schedule and its history in short.

    Attributes:
        id: Its name.
        definition: What was wished.
        progress: How far it has come.
        origin: Who wrote it last.
        declared: The fingerprint of the default that it was made from, or empty.
        created_ms: When it was created.
        updated_ms: When it was changed last.
    """

    id: str
    definition: ScheduleDefinition
    progress: Progress
    origin: Origin
    declared: str
    created_ms: int
    updated_ms: int

    @property
    def status(self) -> str:
        """`paused`, `ended` or `active`."""
        if self.progress.paused:
            return "paused"
        return "ended" if self.progress.due_ms is None else "active"


PROGRESS_FIELDS = (
    "revision",
    "cursor",
    "fired",
    "recent",
    "buffered",
    "paused",
    "trouble",
)


def progress_of(stored: Mapping[str, str], *, due_ms: int | None) -> Progress:
    """Read the fields of PROGRESS_FIELDS."""
    return Progress(
        revision=int(stored.get("revision") or 0),
        cursor_ms=int(stored.get("cursor") or 0),
        due_ms=due_ms,
        fired=int(stored.get("fired") or 0),
        recent=tuple(int(slot) for slot in (stored.get("recent") or "").split()),
        buffered=int(stored["buffered"]) if stored.get("buffered") else None,
        paused=stored.get("paused") or "",
        trouble=stored.get("trouble") or "",
    )


def schedule_of(
    schedule_id: str, stored: Mapping[str, str], *, due_ms: int | None
) -> StoredSchedule:
    """Read a stored schedule.

    Raises:
        InvalidDataError: When its definition is none that this version can read.
    """
    return StoredSchedule(
        id=schedule_id,
        definition=ScheduleDefinition.parse(stored.get("definition", "").encode()),
        progress=progress_of(stored, due_ms=due_ms),
        origin=Origin(stored.get("origin", Origin.USER)),
        declared=stored.get("declared", ""),
        created_ms=int(stored.get("created") or 0),
        updated_ms=int(stored.get("updated") or 0),
    )
