"""The book of schedules: what the api and the scheduler do with them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared import ids
from shared.broker.producer import Request
from shared.errors import BrokerError
from shared.schedules.checking import checked
from shared.schedules.preview import preview
from shared.schedules.record import Origin
from shared.schedules.store import CHANGED, DECLINED, ScheduleStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.broker.producer import Enqueued, Producer
    from shared.contracts.catalogue import AnyContract
    from shared.schedules.definition import ScheduleDefinition
    from shared.schedules.preview import Run
    from shared.schedules.record import Progress, StoredSchedule
    from shared.schedules.schedule import Schedule

#: Why a schedule rests that a person paused.
BY_HAND = "by hand"
#: How often a change is tried that others get in the way of.
_TRIES = 20


class ScheduleMissingError(BrokerError):
    """Raised when there is no schedule of the given id."""


class ScheduleBook:
    """Changes schedules so that no slot is decided twice, and none is forgotten."""

    def __init__(
        self, store: ScheduleStore, *, catalogue: Mapping[str, AnyContract]
    ) -> None:
        """Keep schedules in `store`; `catalogue` knows the tasks."""
        self.store = store
        self._catalogue = catalogue

    def find(self, schedule_id: str) -> StoredSchedule:
        """Return a schedule.

        Raises:
            ScheduleMissingError: When there is none.
        """
        [found] = self.store.read([schedule_id]).schedules
        if found is None:
            message = f"There is no schedule {schedule_id!r}."
            raise ScheduleMissingError(message)
        return found

    def page(self, *, after: str, limit: int) -> list[StoredSchedule]:
        """Return the schedules that follow `after` in the alphabet."""
        names = self.store.ids_after(after, limit=limit)
        return [found for found in self.store.read(names).schedules if found]

    def put(self, schedule_id: str, definition: ScheduleDefinition) -> bool:
        """Create or change a schedule as a person wants it; return whether it is new.

        A pause and the number of fired slots stay. With other slots than before it
        begins now; else it goes on where it was.

        Raises:
            InvalidDataError: When it is nonsense.
        """
        schedule = checked(schedule_id, definition, self._catalogue)
        for _ in range(_TRIES):
            now_ms, [known] = self.store.read([schedule_id])
            fields = {"origin": Origin.USER.value}
            if self._write(schedule, definition, known, now_ms, fields) != CHANGED:
                return known is None
        raise _contended(schedule_id)

    def declare(
        self,
        definitions: Mapping[str, ScheduleDefinition],
        *,
        first_ms: Mapping[str, int] | None = None,
    ) -> None:
        """Bring the schedules that the code declares into the book.

        What a person changed stays changed, what a person removed stays away; what
        the code declares no longer goes, unless a person changed it.

        Args:
            definitions: The defaults by their ids.
            first_ms: Where a schedule that Redis has lost goes on, epoch milliseconds.
        """
        before = self.store.declared()
        # First, so that a crash on the way leaves none that nobody knows of.
        self.store.set_declared({*before, *definitions})
        for schedule_id, definition in definitions.items():
            self._declare(schedule_id, definition, (first_ms or {}).get(schedule_id))
        gone = [name for name in before if name not in definitions]
        for stored in self.store.read(gone).schedules:
            if stored and stored.origin is Origin.CODE:
                self.store.remove(stored.id, for_good=False)
        self.store.set_declared(definitions)

    def _declare(
        self, schedule_id: str, definition: ScheduleDefinition, first_ms: int | None
    ) -> None:
        schedule = checked(schedule_id, definition, self._catalogue)
        fingerprint = hashlib.sha256(definition.dump()).hexdigest()[:16]
        for _ in range(_TRIES):
            now_ms, [known] = self.store.read([schedule_id])
            if known and (known.origin is Origin.USER or known.declared == fingerprint):
                return
            fields = {"origin": Origin.CODE.value, "declared": fingerprint}
            begin_ms = now_ms if known or first_ms is None else first_ms
            answer = self._write(
                schedule, definition, known, begin_ms, fields, unless_declined=True
            )
            if answer != CHANGED:
                return
        raise _contended(schedule_id)

    def _write(
        self,
        schedule: Schedule,
        definition: ScheduleDefinition,
        known: StoredSchedule | None,
        now_ms: int,
        fields: dict[str, str],
        *,
        unless_declined: bool = False,
    ) -> int:
        cursor_ms = now_ms
        if known:
            cursor_ms = known.progress.cursor_ms
            if not definition.has_slots_of(known.definition):
                cursor_ms = max(cursor_ms, now_ms)
        changes: dict[str, str | int] = {
            **fields,
            "definition": definition.dump().decode(),
            "updated": now_ms,
            "trouble": "",
        }
        if known is None:
            changes["created"] = now_ms
        return self.store.write(
            schedule.id,
            expected_revision=known.progress.revision if known else 0,
            cursor_ms=cursor_ms,
            due_ms=next_look(schedule, known.progress if known else None, cursor_ms),
            fields=changes,
            unless_declined=unless_declined,
        )

    def remove(self, schedule_id: str) -> None:
        """Remove a schedule; a default stays away until somebody puts it back.

        Raises:
            ScheduleMissingError: When there is none.
        """
        for_good = bool(self.find(schedule_id).declared)
        self.store.remove(schedule_id, for_good=for_good)

    def pause(self, schedule_id: str) -> StoredSchedule:
        """Let a schedule rest: from now on none of its slots is fired."""
        return self._rest(schedule_id, paused=BY_HAND)

    def resume(self, schedule_id: str) -> StoredSchedule:
        """Wake a schedule: it goes on with its next slot and makes up for none."""
        return self._rest(schedule_id, paused="")

    def _rest(self, schedule_id: str, *, paused: str) -> StoredSchedule:
        for _ in range(_TRIES):
            known = self.find(schedule_id)
            if bool(known.progress.paused) == bool(paused):
                return known
            now_ms = self.store.read([]).now_ms
            cursor_ms = max(known.progress.cursor_ms, now_ms)
            due_ms = None
            if not paused:
                schedule = checked(schedule_id, known.definition, self._catalogue)
                due_ms = next_look(schedule, None, cursor_ms)
                if _is_used_up(schedule, known.progress):
                    due_ms = None
            fields = {"paused": paused, "buffered": "", "trouble": ""}
            if known.progress.paused != BY_HAND and not paused:
                # The failures that paused it must not pause it again at once.
                fields["recent"] = ""
            answer = self.store.write(
                schedule_id,
                expected_revision=known.progress.revision,
                cursor_ms=cursor_ms,
                due_ms=due_ms,
                fields={**fields, "updated": now_ms},
            )
            if answer != CHANGED:
                return self.find(schedule_id)
        raise _contended(schedule_id)

    def run_now(
        self, schedule_id: str, producer: Producer
    ) -> tuple[Enqueued, str, str]:
        """Create a job of a schedule at once, whatever its state; it is no slot.

        Returns:
            The job, its queue and its task.

        Raises:
            ScheduleMissingError: When there is no such schedule.
        """
        stored = self.find(schedule_id)
        schedule = checked(schedule_id, stored.definition, self._catalogue)
        job_id = f"{schedule_id}:run:{ids.new_id()}"
        enqueued = producer.enqueue(
            Request(
                queue=schedule.queue,
                name=schedule.name,
                data=schedule.data,
                options=schedule.options.model_copy(update={"job_id": job_id}),
                defaults=self._catalogue[schedule.name].defaults,
            )
        )
        line: dict[str, str | int] = {"outcome": "run", "job": job_id}
        self.store.note(schedule_id, {**line, "queue": schedule.queue})
        return enqueued, schedule.queue, schedule.name

    def preview(self, schedule_id: str, *, count: int) -> tuple[Run, ...]:
        """Return the next slots of a schedule as it is; none while it rests."""
        stored = self.find(schedule_id)
        if stored.status != "active":
            return ()
        schedule = checked(schedule_id, stored.definition, self._catalogue)
        if schedule.limit is not None:
            count = min(count, schedule.limit - stored.progress.fired)
        now_ms = self.store.read([]).now_ms
        after_ms = max(stored.progress.cursor_ms, now_ms - schedule.timetable.offset_ms)
        return preview(
            schedule.timetable, after_ms=after_ms, count=count, tz=stored.definition.tz
        )

    def preview_of(
        self, schedule_id: str, definition: ScheduleDefinition, *, count: int
    ) -> tuple[Run, ...]:
        """Return the first slots that a new schedule would have.

        Raises:
            InvalidDataError: When it is nonsense.
        """
        schedule = checked(schedule_id, definition, self._catalogue)
        count = min(count, schedule.limit or count)
        now_ms = self.store.read([]).now_ms
        return preview(
            schedule.timetable, after_ms=now_ms, count=count, tz=definition.tz
        )


def next_look(
    schedule: Schedule, progress: Progress | None, cursor_ms: int
) -> int | None:
    """Return when a schedule needs a look, epoch milliseconds; None while it rests."""
    if progress and (progress.paused or _is_used_up(schedule, progress)):
        return None
    slot = schedule.timetable.next_after(cursor_ms)
    return None if slot is None else schedule.timetable.due_ms(slot)


def _is_used_up(schedule: Schedule, progress: Progress) -> bool:
    return schedule.limit is not None and progress.fired >= schedule.limit


def _contended(schedule_id: str) -> BrokerError:
    message = f"The schedule {schedule_id!r} is being changed by many at once."
    return BrokerError(message)


__all__ = ["DECLINED", "ScheduleBook", "ScheduleMissingError", "next_look"]
