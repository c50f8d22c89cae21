from __future__ import annotations

import pytest

from services.scheduler.schedules import DEFAULTS, declared
from services.scheduler.settings import SchedulerSettings
from shared import settings
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS
from shared.contracts import catalogue
from shared.contracts.catalogue import Catalogue
from shared.errors import ConfigurationError
from shared.schedules.checking import checked
from shared.schedules.keys import SchedulerKeys


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    for name in SchedulerSettings.model_fields:
        if name.startswith("nightshift_"):
            monkeypatch.delenv(name.upper(), raising=False)


def load() -> SchedulerSettings:
    return settings.load(SchedulerSettings)


def test_every_default_whose_task_is_installed_is_declared() -> None:
    tasks = catalogue.load()

    found = declared(load(), tasks)

    assert set(found) == {task for task, _, _ in DEFAULTS if task in tasks}
    assert {d.tz for d in found.values()} <= {"UTC"}


def test_the_defaults_are_what_the_sources_ask_for() -> None:
    assert {task: pattern for task, pattern, _ in DEFAULTS} == {
        "clean-database": "0 2 * * *",
        "invalidate-cache": "0 * * * *",
        "weekly-report": "0 9 * * mon",
        "health-check": "*/5 * * * *",
        "daily-cleanup": "0 0 * * *",
    }


def test_defaults_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEFAULT_SCHEDULES", "false")

    assert declared(load(), catalogue.load()) == {}


def test_defaults_of_tasks_that_are_not_installed_are_none() -> None:
    assert declared(load(), Catalogue({})) == {}


def test_the_demos_schedule_fits_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEMO_SCHEDULE", "true")
    tasks = catalogue.load()

    definition = declared(load(), tasks)["demo-heartbeat"]

    assert definition.every == 5_000
    assert checked("demo-heartbeat", definition, tasks).queue == "demo"


def test_the_demos_schedule_without_its_task_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEMO_SCHEDULE", "true")

    with pytest.raises(ConfigurationError, match="no task named 'echo'"):
        declared(load(), Catalogue({}))


def test_a_time_zone_that_is_none_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_TZ", "Mars/Olympus")

    with pytest.raises(ConfigurationError, match="NIGHTSHIFT_TZ is not usable"):
        declared(load(), catalogue.load())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NIGHTSHIFT_DEMO_SCHEDULE", "perhaps"),
        ("NIGHTSHIFT_DEMO_EVERY_MS", "5"),
        ("NIGHTSHIFT_HEALTH_PORT", "65536"),
    ],
)
def test_a_nonsense_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=f"Setting {name} is not usable"):
        load()


def test_the_schedulers_keys_are_none_of_a_queue_called_scheduler() -> None:
    keys = SchedulerKeys("ns")
    own = {
        keys.leader,
        keys.epoch,
        keys.revisions,
        keys.ids,
        keys.due,
        keys.declared,
        keys.declined,
        keys.schedule("x"),
        keys.ledger("x"),
    }

    taken = {*QUEUE_KEYS, *MEMBER_KEYS}

    assert {key.removeprefix(keys.prefix).split(":")[0] for key in own}.isdisjoint(
        taken
    )
