"""The schedules that the code declares: the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared import logging
from shared.errors import ConfigurationError, InvalidDataError
from shared.schedules.checking import checked
from shared.schedules.cron import check_zone
from shared.schedules.definition import ScheduleDefinition, Template
from shared.schedules.policies import Overlap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.scheduler.settings import SchedulerSettings
    from shared.contracts.catalogue import Catalogue

#: Task, pattern and purpose of each; the schedule has the task's name.
DEFAULTS: tuple[tuple[str, str, str], ...] = (
    ("clean-database", "0 2 * * *", "Cleans the database, daily at 02:00."),
    ("invalidate-cache", "0 * * * *", "Invalidates stale cache entries, hourly."),
    ("weekly-report", "0 9 * * mon", "Sends the weekly report, Mondays at 09:00."),
    ("health-check", "*/5 * * * *", "Checks the services' health, every 5 minutes."),
    ("daily-cleanup", "0 0 * * *", "Cleans up what the day left, at midnight."),
)
#: What a task must be told. An installation without a cache or a database of its own
#: has nothing to clean, which is no failure.
DATA: Mapping[str, dict[str, Any]] = {
    "clean-database": {"ifConfigured": True},
    "invalidate-cache": {"prefixes": ["cache:"], "ifConfigured": True},
}

_log = logging.get(__name__)


def declared(
    settings: SchedulerSettings, catalogue: Catalogue
) -> dict[str, ScheduleDefinition]:
    """Return the schedules that `settings` ask for, by their ids.

    A default whose task is not installed, or wants other data, is left out.

    Raises:
        ConfigurationError: When the time zone is none, or the demo's task is missing.
    """
    definitions: dict[str, ScheduleDefinition] = {}
    _check_zone(settings.nightshift_tz)
    if settings.nightshift_default_schedules:
        for task, pattern, description in DEFAULTS:
            default = _default(task, pattern, description, tz=settings.nightshift_tz)
            if problem := _problem(task, default, catalogue):
                level = _log.error if task in catalogue else _log.info
                level("default_left_out", schedule=task, reason=problem)
            else:
                definitions[task] = default
    if settings.nightshift_demo_schedule:
        heartbeat = _heartbeat(settings.nightshift_demo_every_ms)
        if problem := _problem("demo-heartbeat", heartbeat, catalogue):
            message = f"The demo's schedule can't be followed: {problem}."
            raise ConfigurationError(message)
        definitions["demo-heartbeat"] = heartbeat
    return definitions


def _default(
    task: str, pattern: str, description: str, *, tz: str
) -> ScheduleDefinition:
    return ScheduleDefinition(
        description=description,
        pattern=pattern,
        tz=tz,
        template=Template(name=task, data=DATA.get(task, {})),
        overlap=Overlap.SKIP,
    )


def _heartbeat(every_ms: int) -> ScheduleDefinition:
    data = {"msg": "The scheduler is awake.", "steps": 1, "stepMs": 0}
    return ScheduleDefinition(
        description="Shows that the scheduler is awake.",
        every=every_ms,
        template=Template(name="echo", data=data),
    )


def _problem(
    schedule_id: str, definition: ScheduleDefinition, catalogue: Catalogue
) -> str:
    try:
        checked(schedule_id, definition, catalogue)
    except InvalidDataError as error:
        return str(error)
    return ""


def _check_zone(name: str) -> None:
    try:
        check_zone(name)
    except InvalidDataError as error:
        message = f"Setting NIGHTSHIFT_TZ is not usable: {error.problems[0].detail}."
        raise ConfigurationError(message) from error
