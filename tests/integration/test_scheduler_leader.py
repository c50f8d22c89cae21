from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.scheduler.leader import Leader
from services.scheduler.server_clock import ServerClock
from services.scheduler.store import Entry, SchedulerKeys, SchedulerStore, Settled
from shared.errors import RecordTypeError
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis


@pytest.fixture
def keys(namespace: str) -> SchedulerKeys:
    return SchedulerKeys(namespace)


@pytest.fixture
def store(client: redis.Redis, namespace: str) -> SchedulerStore:
    return SchedulerStore(client, namespace=namespace)


def candidate(
    store: SchedulerStore, name: str | None = None, *, lease_ms: int = 6_000
) -> Leader:
    return Leader(store, server_clock=ServerClock(), name=name, lease_ms=lease_ms)


def test_one_leads_and_the_others_wait(store: SchedulerStore) -> None:
    first, second = candidate(store), candidate(store)

    assert first.keep()
    assert not second.keep()
    assert first.keep()
    assert (first.is_held, second.is_held) == (True, False)


def test_the_lease_expires_by_itself(store: SchedulerStore) -> None:
    first, second = candidate(store, lease_ms=50), candidate(store)
    first.keep()

    wait_for(second.keep, within_s=2)

    assert not first.is_held
    assert not first.keep()


def test_a_standby_knows_when_the_lease_ends(store: SchedulerStore) -> None:
    first, second = candidate(store, lease_ms=300), candidate(store)
    first.keep()
    second.keep()

    assert 1 <= second.retry_after_ms <= 301


def test_a_released_lease_is_free_at_once(store: SchedulerStore) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()

    first.release()

    assert not first.is_held
    assert second.keep()


def test_a_late_release_does_not_touch_the_next_leaders_lease(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()
    client.delete(keys.leader)
    second.keep()

    first.release()

    assert second.keep()


def test_tokens_grow_with_every_leader(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    marks = []
    for name in ("a", "b", "c"):
        leader = candidate(store, name)
        leader.keep()
        marks.append(client.get(keys.leader))
        leader.release()

    assert marks == [b"1:a", b"2:b", b"3:c"]


def test_the_same_wish_sent_twice_takes_one_lease(store: SchedulerStore) -> None:
    first = store.acquire("a", lease_ms=6_000)
    again = store.acquire("a", lease_ms=6_000)

    assert first.token == again.token == 1


def test_a_lease_that_a_hand_made_endless_ends(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    client.set(keys.leader, "1:nobody")
    leader = candidate(store, lease_ms=50)

    assert not leader.keep()
    wait_for(leader.keep, within_s=2)


def test_takes_the_time_from_the_server(
    store: SchedulerStore, client: redis.Redis
) -> None:
    server_clock = ServerClock()
    Leader(store, server_clock=server_clock).keep()

    seconds, micros = client.time()

    assert abs(server_clock.now_ms() - (seconds * 1000 + micros // 1000)) < 500


def entry(slot_ms: int, outcome: str = "fired") -> Entry:
    return Entry("owl", slot_ms, {"outcome": outcome, "slot": slot_ms})


def test_a_slot_is_settled_once_and_the_cursor_goes_forward_only(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    leader = candidate(store)
    leader.keep()

    answers = [store.settle(leader.mark, entry(slot)) for slot in (200, 200, 100, 300)]

    assert answers == [Settled.DONE, Settled.REPEATED, Settled.REPEATED, Settled.DONE]
    assert client.hget(keys.cursors, "owl") == b"300"
    lines: list[Any] = client.xrange(keys.ledger("owl")) or []
    assert [line[b"slot"] for _, line in lines] == [b"200", b"300"]


def test_who_lost_the_lease_settles_nothing(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    first, second = candidate(store), candidate(store)
    first.keep()
    client.delete(keys.leader)
    second.keep()

    assert store.settle(first.mark, entry(200)) is Settled.FENCED
    assert not client.exists(keys.cursors, keys.ledger("owl"))


def test_a_ledger_of_another_type_stops_before_the_first_write(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    leader = candidate(store)
    leader.keep()
    client.set(keys.ledger("owl"), "mine")

    with pytest.raises(RecordTypeError):
        store.settle(leader.mark, entry(200))

    assert not client.exists(keys.cursors)


def test_a_ledger_keeps_its_last_entries(
    store: SchedulerStore, client: redis.Redis, keys: SchedulerKeys
) -> None:
    leader = candidate(store)
    leader.keep()
    for slot in range(1, 1_400):
        store.settle(leader.mark, entry(slot))

    assert 1_000 <= client.xlen(keys.ledger("owl")) < 1_200


def test_a_schedule_without_a_cursor_begins_now(store: SchedulerStore) -> None:
    opened = store.open_cursors(["a", "b"], first_ms={"a": 7}, now_ms=1_000)
    again = store.open_cursors(["a", "b", "c"], first_ms={}, now_ms=2_000)

    assert opened == {"a": 7, "b": 1_000}
    assert again == {"a": 7, "b": 1_000, "c": 2_000}
    assert store.open_cursors([], first_ms={}, now_ms=1) == {}
