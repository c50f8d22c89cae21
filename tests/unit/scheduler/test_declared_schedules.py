from __future__ import annotations

import pytest

from services.scheduler.cron import EveryRule
from services.scheduler.schedules import declared
from services.scheduler.settings import SchedulerSettings
from services.scheduler.store import SchedulerKeys
from shared import settings
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS
from shared.contracts import catalogue
from shared.contracts.catalogue import Catalogue
from shared.errors import ConfigurationError


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    for name in SchedulerSettings.model_fields:
        if name.startswith("nightshift_"):
            monkeypatch.delenv(name.upper(), raising=False)


def load() -> SchedulerSettings:
    return settings.load(SchedulerSettings)


def test_there_is_no_schedule_unless_one_is_asked_for() -> None:
    assert declared(load(), catalogue.load()) == ()


def test_the_demos_schedule_fits_its_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEMO_SCHEDULE", "true")

    (schedule,) = declared(load(), catalogue.load())

    assert schedule.id == "demo-heartbeat"
    assert schedule.rule == EveryRule(5_000)
    assert (schedule.queue, schedule.name) == ("demo", "echo")


def test_a_schedule_without_its_task_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_DEMO_SCHEDULE", "true")

    with pytest.raises(ConfigurationError, match=r"demo-heartbeat.*no task named"):
        declared(load(), Catalogue({}))


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
    own = {keys.leader, keys.epoch, keys.cursors, keys.ledger("x")}

    taken = {*QUEUE_KEYS, *MEMBER_KEYS}

    assert {key.removeprefix(keys.prefix).split(":")[0] for key in own}.isdisjoint(
        taken
    )
