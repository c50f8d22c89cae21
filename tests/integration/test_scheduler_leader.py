from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from services.scheduler.leader import Leader
from services.scheduler.lease_store import LeaseStore
from services.scheduler.server_clock import ServerClock
from services.scheduler.slot_store import Entry, Settled, SlotStore
from shared.schedules.keys import SchedulerKeys
from tests.support.schedules import House
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis


@pytest.fixture
def keys(namespace: str) -> SchedulerKeys:
    return SchedulerKeys(namespace)


@pytest.fixture
def store(client: redis.Redis, namespace: str) -> LeaseStore:
    return LeaseStore(client, namespace=namespace)


def candidate(
    store: LeaseStore, name: str | None = None, *, lease_ms: int = 6_000
) -> Leader:
    return Leader(store, server_clock=ServerClock(), name=name, lease_ms=lease_ms)


def test_one_leads_and_the_others_wait(store: LeaseStore) -> None:
    first, second = candidate(store), candidate(store)

    assert first.keep()
    assert not second.keep()
    assert first.keep()
    assert (first.is_held, second.is_held) == (True, False)


def test_the_lease_expires_by_itself(store: LeaseStore) -> None:
    first, second = candidate(store, lease_ms=50), candidate(store)
    first.keep()

    wait_for(second.keep, within_s=2)

    assert not first.is_held
    assert not first.keep()


def test_a_standby_knows_when_the_lease_ends(store: LeaseStore) -> None:
    first, second = candidate(store, lease_ms=300), candidate(store)
    first.keep()
    second.keep()

    assert 1 <= second.retry_after_ms <= 301


def test_a_released_lease_is_free_at_once(store: LeaseStore) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()

    first.release()

    assert not first.is_held
    assert second.keep()


def test_a_late_release_does_not_touch_the_next_leaders_lease(
    store: LeaseStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()
    client.delete(keys.leader)
    second.keep()

    first.release()

    assert second.keep()


def test_tokens_grow_with_every_leader(
    store: LeaseStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    marks = []
    for name in ("a", "b", "c"):
        leader = candidate(store, name)
        leader.keep()
        marks.append(client.get(keys.leader))
        leader.release()

    assert marks == [b"1:a", b"2:b", b"3:c"]


def test_the_same_wish_sent_twice_takes_one_lease(store: LeaseStore) -> None:
    first = store.acquire("a", lease_ms=6_000)
    again = store.acquire("a", lease_ms=6_000)

    assert first.token == again.token == 1


def test_a_lease_that_a_hand_made_endless_ends(
    store: LeaseStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    client.set(keys.leader, "1:nobody")
    leader = candidate(store, lease_ms=50)

    assert not leader.keep()
    wait_for(leader.keep, within_s=2)


def test_takes_the_time_from_the_server(store: LeaseStore, client: redis.Redis) -> None:
    server_clock = ServerClock()
    Leader(store, server_clock=server_clock).keep()

    seconds, micros = client.time()

    assert abs(server_clock.now_ms() - (seconds * 1000 + micros // 1000)) < 500


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    house = House(client, namespace)
    house.put()
    return house


@pytest.fixture
def slots(client: redis.Redis, namespace: str) -> SlotStore:
    return SlotStore(client, namespace=namespace)


def entry(house: House, ahead: int, outcome: str = "fired") -> Entry:
    """An entry about a slot that lies `ahead` ms of the schedule's first cursor."""
    slot_ms = house.stored().created_ms + ahead
    return Entry(
        schedule_id="owl",
        revision=house.stored().progress.revision,
        cursor_ms=slot_ms,
        due_ms=slot_ms + 100,
        lines=[(slot_ms, {"outcome": outcome, "slot": slot_ms})],
    )


def settle(slots: SlotStore, leader: Leader, *entries: Entry) -> list[Settled]:
    answers = slots.settle(leader.mark, entries)
    assert answers is not None
    return answers


def test_a_slot_is_settled_once_and_the_cursor_goes_forward_only(
    store: LeaseStore, slots: SlotStore, house: House
) -> None:
    leader = candidate(store)
    leader.keep()
    start = house.stored().created_ms

    for ahead in (200, 200, 100, 300):
        settle(slots, leader, entry(house, ahead))

    assert house.cursor() == start + 300
    assert [int(line["slot"]) - start for line in house.ledger()] == [200, 300]


def test_many_schedules_are_settled_in_one_go(
    store: LeaseStore, slots: SlotStore, house: House
) -> None:
    leader = candidate(store)
    leader.keep()
    known = entry(house, 200)
    gone = Entry(schedule_id="gone", revision=1, cursor_ms=5, due_ms=9)

    assert settle(slots, leader, gone, known) == [Settled.CHANGED, Settled.DONE]
    assert not house.client.exists(house.keys.schedule("gone"))
    assert house.client.zscore(house.keys.due, "gone") is None


def test_a_change_meanwhile_keeps_its_word_about_the_next_look(
    store: LeaseStore, slots: SlotStore, house: House
) -> None:
    leader = candidate(store)
    leader.keep()
    decided = entry(house, 200)
    house.book.pause("owl")

    assert settle(slots, leader, decided) == [Settled.CHANGED]
    assert house.stored().status == "paused"
    assert house.cursor() >= decided.cursor_ms
    assert len(house.ledger()) == 1


def test_who_lost_the_lease_settles_nothing(
    store: LeaseStore, slots: SlotStore, house: House
) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()
    house.client.delete(house.keys.leader)
    second.keep()
    before = house.cursor()

    assert slots.settle(first.mark, [entry(house, 200)]) is None
    assert (house.cursor(), house.ledger()) == (before, [])


def test_a_ledger_keeps_its_last_lines(
    store: LeaseStore, slots: SlotStore, house: House
) -> None:
    leader = candidate(store, lease_ms=60_000)
    leader.keep()
    first = entry(house, 0)
    for slot_ms in range(first.cursor_ms + 1, first.cursor_ms + 1_400):
        lines = [(slot_ms, {"slot": slot_ms})]
        settle(slots, leader, replace(first, cursor_ms=slot_ms, lines=lines))

    assert 1_000 <= house.client.xlen(house.keys.ledger("owl")) < 1_200
