"""The schedules that the code declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheduler.cron import EveryRule
from services.scheduler.schedule import Schedule
from shared.errors import ConfigurationError, ContractError

if TYPE_CHECKING:
    from services.scheduler.settings import SchedulerSettings
    from shared.contracts.catalogue import Catalogue


def declared(settings: SchedulerSettings, catalogue: Catalogue) -> tuple[Schedule, ...]:
    """Return the schedules that `settings` ask for.

    Raises:
        ConfigurationError: When a schedule does not fit its task.
    """
    schedules = []
    if settings.nightshift_demo_schedule:
        schedules.append(_demo_heartbeat(settings.nightshift_demo_every_ms))
    for schedule in schedules:
        _check(schedule, catalogue)
    return tuple(schedules)


def _demo_heartbeat(every_ms: int) -> Schedule:
    return Schedule(
        id="demo-heartbeat",
        rule=EveryRule(every_ms),
        queue="demo",
        name="echo",
        data=b'{"msg":"The scheduler is awake.","steps":1,"stepMs":0}',
    )


def _check(schedule: Schedule, catalogue: Catalogue) -> None:
    try:
        contract = catalogue.find(schedule.name)
        contract.data.parse(schedule.data, pointer="/data")
    except ContractError as error:
        message = f"The schedule {schedule.id!r} does not fit its task: {error}"
        raise ConfigurationError(message) from error
    if contract.queue != schedule.queue:
        message = (
            f"The schedule {schedule.id!r} puts {schedule.name!r} into the queue "
            f"{schedule.queue!r}; its jobs wait in {contract.queue!r}."
        )
        raise ConfigurationError(message)
