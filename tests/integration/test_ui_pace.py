"""Throughput follows from the queues' own totals, whoever notes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.ui.pace import PaceKeeper, PaceStore
from shared.access.keys import ApiKeys
from shared.broker.keys import QueueKeys
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis


@pytest.fixture
def store(client: redis.Redis, namespace: str) -> PaceStore:
    return PaceStore(client, namespace=namespace)


def set_totals(
    client: redis.Redis, namespace: str, completed: int, failed: int
) -> None:
    key = QueueKeys(namespace, "demo").one("meta")
    client.hset(key, mapping={"completed": completed, "failed": failed})


def note(
    client: redis.Redis, namespace: str, ago: int, completed: int, failed: int
) -> None:
    """Write what was noted some minutes ago."""
    minute = client.time()[0] // 60 - ago
    key = ApiKeys(namespace).of("pace", str(minute))
    client.hset(key, "demo", f"{completed} {failed}")


def test_minutes_are_differences_and_gaps_stay_unknown(
    client: redis.Redis, namespace: str, store: PaceStore
) -> None:
    set_totals(client, namespace, 110, 12)
    note(client, namespace, 4, 10, 1)
    note(client, namespace, 3, 40, 1)
    note(client, namespace, 1, 90, 10)
    note(client, namespace, 0, 100, 11)

    pace = store.read(["demo"])["demo"]

    # A minute may pass between the notes and the look at them.
    done = [number for number in pace.done[-6:] if number is not None]
    assert done[:3] == [30, 10, 10]
    assert pace.done[-4:].count(None) >= 1
    assert pace.total()[1] in {2, 3}


def test_a_redis_that_lost_its_data_gives_no_negative_numbers(
    client: redis.Redis, namespace: str, store: PaceStore
) -> None:
    note(client, namespace, 1, 1_000, 50)
    note(client, namespace, 0, 1_010, 50)
    set_totals(client, namespace, 3, 0)

    pace = store.read(["demo"])["demo"]

    assert all(number is None or number >= 0 for number in pace.done + pace.failed)


def test_the_first_note_of_a_minute_stays(
    client: redis.Redis, namespace: str, store: PaceStore
) -> None:
    set_totals(client, namespace, 5, 0)
    store.note(["demo"])
    first = {key: client.hgetall(key) for key in client.keys(f"{namespace}:*pace*")}
    set_totals(client, namespace, 9, 0)
    store.note(["demo"])

    assert all(client.hgetall(key) == noted for key, noted in first.items())
    assert all(client.ttl(key) > 3600 for key in first)


def test_a_queue_without_a_past_has_an_empty_hour(store: PaceStore) -> None:
    pace = store.read(["demo", "email"])["demo"]

    assert len(pace.done) == 60
    assert pace.total() == (0, 0)


def test_the_thread_notes_at_once_and_ends(
    client: redis.Redis, namespace: str, store: PaceStore
) -> None:
    keeper = PaceKeeper(store, ["demo"])
    keeper.start()
    keeper.start()

    wait_for(lambda: client.keys(f"{namespace}:*pace*"), what="a note")
    keeper.stop()

    assert keeper._thread is not None
    assert not keeper._thread.is_alive()
