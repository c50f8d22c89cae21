"""Which schedules somebody may know of: those whose task waits in a visible queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api.auth import principal
from shared.schedules.book import ScheduleMissingError
from shared.schedules.schedule import is_schedule_id

if TYPE_CHECKING:
    from services.api.ui.services import Services
    from shared.schedules.record import StoredSchedule


@dataclass(frozen=True)
class ScheduleAccess:
    """Finds schedules for the caller of the current request."""

    services: Services

    def find(self, schedule_id: str) -> StoredSchedule:
        """Return a schedule.

        Raises:
            ScheduleMissingError: When there is none, or none that the caller sees.
        """
        if is_schedule_id(schedule_id):
            stored = self.services.schedules.find(schedule_id)
            if self.sees(stored):
                return stored
        raise ScheduleMissingError

    def sees(self, stored: StoredSchedule) -> bool:
        """Whether the caller may know of a schedule."""
        return self.sees_task(stored.definition.template.name)

    def sees_task(self, name: str) -> bool:
        """Whether the caller may know of a task."""
        contract = self.services.catalogue.get(name)
        caller = principal()
        if contract is None:
            return caller.sees_everything
        return caller.sees(contract.queue)

    def tasks(self) -> list[tuple[str, str]]:
        """Return the tasks that the caller sees, with their queues, by name."""
        return sorted(
            (contract.name, contract.queue)
            for contract in self.services.catalogue.values()
            if self.sees_task(contract.name)
        )
