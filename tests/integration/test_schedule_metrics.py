"""The times of schedules are told while they mean something, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from services.scheduler import clockwork
from tests.support.schedules import HOUR, House, definition

if TYPE_CHECKING:
    import redis

    from services.scheduler.clockwork import Clockwork

_NEXT = "nightshift_schedule_next_run_timestamp_seconds"
_LAST = "nightshift_schedule_last_enqueued_timestamp_seconds"
_INTERVAL = "nightshift_schedule_interval_seconds"


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def name(namespace: str) -> str:
    """Name of a default that no other test has: metrics are the process's."""
    return f"owl-{namespace}"


@pytest.fixture
def scheduler(house: House, name: str, monkeypatch: pytest.MonkeyPatch) -> Clockwork:
    monkeypatch.setattr(clockwork, "TELL_EVERY_MS", 0)
    made = house.clockwork(defaults={name: definition()})
    made.tick()
    return made


def _told(metric: str, name: str) -> float | None:
    return REGISTRY.get_sample_value(metric, {"schedule": name})


def _fire(house: House, scheduler: Clockwork, name: str) -> None:
    house.put_back(house.last_slot_ms() - HOUR, name)
    scheduler.tick()
    assert _told(_LAST, name)
    assert _told(_INTERVAL, name) == HOUR / 1000


def test_the_next_slot_is_told_before_the_first_fires(
    house: House, scheduler: Clockwork, name: str
) -> None:
    told = _told(_NEXT, name)

    assert told is not None
    assert told * 1000 % HOUR == 0
    count = "nightshift_schedule_lateness_seconds_count"
    assert _told(count, name) == 0


def test_a_paused_schedule_tells_no_times_and_a_resumed_one_does(
    house: House, scheduler: Clockwork, name: str
) -> None:
    _fire(house, scheduler, name)

    house.book.pause(name)
    scheduler.tick()
    told = [_told(metric, name) for metric in (_NEXT, _LAST, _INTERVAL)]
    house.book.resume(name)
    scheduler.tick()

    assert told == [None, None, None]
    assert _told(_NEXT, name)


def test_a_removed_schedule_tells_no_times(
    house: House, scheduler: Clockwork, name: str
) -> None:
    _fire(house, scheduler, name)

    house.book.remove(name)
    scheduler.tick()

    assert _told(_NEXT, name) is _told(_LAST, name) is _told(_INTERVAL, name) is None


def test_who_leads_no_more_tells_no_times(
    house: House, scheduler: Clockwork, name: str
) -> None:
    _fire(house, scheduler, name)

    house.client.set(house.keys.leader, "9:another", px=60_000)
    scheduler._leader._renewed_at = 0.0
    scheduler.tick()

    assert _told(_NEXT, name) is _told(_LAST, name) is None
