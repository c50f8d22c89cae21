from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from services.scheduler.main import RETRY_MS, guarded_tick
from services.scheduler.pulse import Pulse
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.producer import Producer, Request
from shared.errors import RedisFullError
from shared.jobs.options import JobOptions
from shared.schedules.definition import Template
from shared.schedules.policies import Misfire
from tests.support.redis_server import running_server
from tests.support.schedules import HOUR, House, definition
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from cli.redis_server import RedisServer

SECOND = 1_000
HOOK = Template(
    name="deliver-webhook", data={"url": "https://example.com/", "type": "a.b"}
)


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with running_server({"appendonly": "yes", "appendfsync": "always"}) as server:
        yield server


def test_a_new_schedule_begins_with_its_next_slot(house: House) -> None:
    house.put()
    house.clockwork().tick()

    assert house.job_slots() == []
    assert house.now_ms() - 10_000 < house.cursor() <= house.now_ms()


def test_a_slot_that_has_come_becomes_its_job(house: House) -> None:
    slot = house.last_slot_ms()
    house.put(grace=2 * HOUR)
    house.put_back(slot - HOUR)

    house.clockwork().tick()

    assert house.job_slots() == [slot]
    assert house.cursor() == slot
    (line,) = house.ledger()
    assert line["outcome"] == "fired"
    assert line["job"] == f"owl:{slot}"
    assert 0 <= int(line["latenessMs"]) <= HOUR


def test_the_wait_ends_with_the_next_slot(house: House) -> None:
    house.put(every=SECOND)
    clockwork = house.clockwork()
    wait_for(lambda: house.now_ms() % SECOND > 600)

    wait_ms = clockwork.tick()

    to_next = SECOND - house.now_ms() % SECOND
    assert abs(wait_ms - to_next) < 200 or wait_ms < 200


def test_fires_slots_as_they_come_each_once(house: House) -> None:
    house.put(every=100)
    first = house.cursor() // 100 * 100 + 100
    clockwork = house.clockwork()

    wait_for(lambda: clockwork.tick() >= 0 and len(house.job_slots()) >= 8)

    slots = house.job_slots()
    assert slots == [first + 100 * n for n in range(len(slots))]
    assert [int(line["slot"]) for line in house.ledger()] == slots


def test_several_schedulers_fire_each_slot_once(house: House) -> None:
    house.put(every=100)
    clockworks = [house.clockwork() for _ in range(5)]

    def everybody_ticks() -> bool:
        for clockwork in clockworks:
            clockwork.tick()
        return len(house.job_slots()) >= 8

    wait_for(everybody_ticks)

    slots = house.job_slots()
    assert [b - a for a, b in pairwise(slots)] == [100] * (len(slots) - 1)
    assert [int(line["slot"]) for line in house.ledger()] == slots


def test_two_leaders_for_a_moment_make_one_job_per_slot(house: House) -> None:
    slots = [house.last_slot_ms(SECOND) - SECOND * n for n in (3, 2, 1, 0)]
    house.put(every=SECOND)
    house.put_back(slots[0] - SECOND)
    other = house.clockwork()
    asked: list[bool] = []

    def lose_the_lease() -> bool:
        asked.append(True)
        if len(asked) == 1:
            # As if this process had been frozen here for longer than its lease.
            house.client.delete(house.keys.leader)
            other.tick()
        return False

    frozen = house.clockwork(is_stopping=lose_the_lease)
    frozen.tick()

    assert len(asked) == 1  # it went on, was fenced at the first chance, and gave up
    assert house.job_slots()[:4] == slots
    settled = Counter(int(line["slot"]) for line in house.ledger())
    assert [settled[slot] for slot in slots] == [1, 1, 1, 1]
    assert max(settled.values()) == 1


def test_a_crash_between_job_and_cursor_repeats_nothing(house: House) -> None:
    slot = house.last_slot_ms()
    house.put(grace=2 * HOUR)
    house.put_back(slot - HOUR)
    options = JobOptions(job_id=f"owl:{slot}")
    request = Request("demo", "echo", b'{"msg":"hoo"}', options)
    Producer(house.client, namespace=house.namespace).enqueue(request)

    house.clockwork().tick()

    assert house.job_slots() == [slot]
    assert house.client.zcard(QueueKeys(house.namespace, "demo").one("waiting")) == 1
    assert [line["outcome"] for line in house.ledger()] == ["fired"]


def test_slots_that_are_too_late_are_skipped_and_written_down(house: House) -> None:
    slot = house.last_slot_ms()
    house.put(misfire=Misfire.SKIP, grace=0)
    house.put_back(slot - 5 * HOUR)

    house.clockwork().tick()

    assert house.job_slots() == []
    assert house.cursor() == slot
    (line,) = house.ledger()
    assert line["outcome"] == "skipped"
    assert line["reason"] == "too late"
    assert line["count"] == "5"


def test_one_run_makes_up_for_all_that_were_missed(house: House) -> None:
    slot = house.last_slot_ms()
    house.put(misfire=Misfire.ONCE, grace=0)
    house.put_back(slot - 5 * HOUR)

    house.clockwork().tick()

    assert house.job_slots() == [slot]
    assert [line["outcome"] for line in house.ledger()] == ["skipped", "fired"]
    assert house.ledger()[0]["count"] == "4"


def test_a_broken_queue_stops_only_its_own_schedule(house: House) -> None:
    slot = house.last_slot_ms()
    broken = QueueKeys(house.namespace, "demo").one("waiting")
    house.client.set(broken, "not ours")
    house.put("sick", grace=2 * HOUR)
    house.put_back(slot - HOUR, "sick")
    house.put("well", grace=2 * HOUR, template=HOOK)
    house.put_back(slot - HOUR, "well")
    clockwork = house.clockwork()

    clockwork.tick()
    assert house.job_slots("well", "webhook") == [slot]
    assert "WRONGTYPE" in house.stored("sick").progress.trouble

    house.client.delete(broken)
    wait_for(lambda: clockwork.tick() >= 0 and house.job_slots("sick"))
    assert house.job_slots("sick") == [slot]
    assert house.stored("sick").progress.trouble == ""


def test_a_stopping_scheduler_leaves_the_rest_to_the_next(house: House) -> None:
    slot = house.last_slot_ms(SECOND)
    house.put(every=SECOND)
    house.put_back(slot - 3 * SECOND)

    house.clockwork(is_stopping=lambda: True).tick()
    assert house.job_slots() == []
    house.client.delete(house.keys.leader)
    house.clockwork().tick()

    assert house.job_slots()[:3] == [slot - 2 * SECOND, slot - SECOND, slot]


def test_a_full_redis_delays_slots_and_loses_none(own_server: RedisServer) -> None:
    with connect(own_server.url) as client:
        house = House(client, "full")
        slot = house.last_slot_ms()
        house.put(grace=2 * HOUR)
        house.put_back(slot - HOUR)
        clockwork = house.clockwork()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1mb")

        with pytest.raises(RedisFullError):
            clockwork.tick()
        assert client.exists(house.keys.leader)
        client.config_set("maxmemory", "0")
        clockwork.tick()

        assert house.job_slots() == [slot]


def test_an_outage_of_redis_ends_nothing_and_costs_no_slot(
    own_server: RedisServer,
) -> None:
    with connect(own_server.url) as client:
        house = House(client, "outage")
        house.put(every=100)
        first = house.cursor() // 100 * 100 + 100
        clockwork, pulse = house.clockwork(), Pulse()
        guarded_tick(clockwork, pulse)
        assert pulse.why_not_ready() is None

        own_server.stop()
        assert guarded_tick(clockwork, pulse) == RETRY_MS
        assert guarded_tick(clockwork, pulse) == RETRY_MS
        own_server.start()
        wait_for(
            lambda: guarded_tick(clockwork, pulse) >= 0 and len(house.job_slots()) >= 8
        )

        slots = house.job_slots()
        assert slots == [first + 100 * n for n in range(len(slots))]


def test_a_redis_that_comes_back_empty_costs_no_slot_of_the_outage(
    house: House,
) -> None:
    defaults = {"owl": definition(every=100)}
    clockwork, pulse = house.clockwork(defaults=defaults), Pulse()
    wait_for(lambda: guarded_tick(clockwork, pulse) >= 0 and house.job_slots())
    last_known = house.cursor()

    for key in house.client.scan_iter(match=f"{house.namespace}:*"):
        house.client.delete(key)
    wait_for(
        lambda: guarded_tick(clockwork, pulse) >= 0 and house.job_slots(), within_s=5
    )

    assert house.job_slots()[0] == last_known + 100
