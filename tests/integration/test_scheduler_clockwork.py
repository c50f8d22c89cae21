from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from services.scheduler.clockwork import Clockwork
from services.scheduler.cron import EveryRule
from services.scheduler.leader import Leader
from services.scheduler.main import RETRY_MS, guarded_tick
from services.scheduler.pulse import Pulse
from services.scheduler.schedule import Misfire, Schedule
from services.scheduler.server_clock import ServerClock
from services.scheduler.store import SchedulerKeys, SchedulerStore
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.producer import Producer, Request
from shared.contracts import catalogue
from shared.errors import RedisFullError
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import redis

    from cli.redis_server import RedisServer

SECOND = 1_000
HOUR = 3_600_000
DATA = b'{"msg":"hoo"}'


def schedule(
    name: str = "owl", *, every_ms: int = HOUR, queue: str = "demo", **changes: object
) -> Schedule:
    return Schedule(
        id=name,
        rule=EveryRule(every_ms),
        queue=queue,
        name="echo",
        data=DATA,
        **changes,  # type: ignore[arg-type]
    )


@dataclass
class House:
    """Schedulers of one namespace, and what they left in Redis."""

    client: redis.Redis
    namespace: str
    keys: SchedulerKeys = field(init=False)

    def __post_init__(self) -> None:
        self.keys = SchedulerKeys(self.namespace)

    def clockwork(
        self,
        *schedules: Schedule,
        is_stopping: Callable[[], bool] = lambda: False,
        client: redis.Redis | None = None,
    ) -> Clockwork:
        client = client or self.client
        store = SchedulerStore(client, namespace=self.namespace)
        server_clock = ServerClock()
        return Clockwork(
            schedules,
            catalogue=catalogue.load(),
            producer=Producer(client, namespace=self.namespace),
            store=store,
            leader=Leader(store, server_clock=server_clock),
            server_clock=server_clock,
            is_stopping=is_stopping,
        )

    def now_ms(self) -> int:
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def last_slot_ms(self, every_ms: int = HOUR) -> int:
        """The last slot that has come; waits when the next one is very near."""
        wait_for(lambda: self.now_ms() % every_ms < every_ms - 200)
        return self.now_ms() // every_ms * every_ms

    def set_cursor(self, name: str, slot_ms: int) -> None:
        self.client.hset(self.keys.cursors, name, str(slot_ms))

    def cursor(self, name: str = "owl") -> int:
        return int(self.client.hget(self.keys.cursors, name) or 0)

    def job_slots(self, name: str = "owl", queue: str = "demo") -> list[int]:
        """The slots that have a job, ascending."""
        prefix = QueueKeys(self.namespace, queue).of("job", f"{name}:")
        found = self.client.scan_iter(match=f"{prefix}*", count=1_000)
        return sorted(int(key.decode().removeprefix(prefix)) for key in found)

    def ledger(self, name: str = "owl") -> list[dict[str, str]]:
        entries: list[Any] = self.client.xrange(self.keys.ledger(name)) or []
        return [
            {key.decode(): value.decode() for key, value in fields.items()}
            for _, fields in entries
        ]


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    with running_server({"appendonly": "yes", "appendfsync": "always"}) as server:
        yield server


def test_a_new_schedule_begins_with_its_next_slot(house: House) -> None:
    house.clockwork(schedule()).tick()

    assert house.job_slots() == []
    assert house.now_ms() - 10_000 < house.cursor() <= house.now_ms()


def test_a_slot_that_has_come_becomes_its_job(house: House) -> None:
    slot = house.last_slot_ms()
    house.set_cursor("owl", slot - HOUR)

    house.clockwork(schedule(grace_ms=2 * HOUR)).tick()

    assert house.job_slots() == [slot]
    assert house.cursor() == slot
    (line,) = house.ledger()
    assert line["outcome"] == "fired"
    assert line["job"] == f"owl:{slot}"
    assert 0 <= int(line["latenessMs"]) <= HOUR


def test_the_wait_ends_with_the_next_slot(house: House) -> None:
    clockwork = house.clockwork(schedule(every_ms=SECOND))

    wait_ms = clockwork.tick()

    to_next = SECOND - house.now_ms() % SECOND
    assert abs(wait_ms - to_next) < 200 or wait_ms < 200


def test_fires_slots_as_they_come_each_once(house: House) -> None:
    clockwork = house.clockwork(schedule(every_ms=100))
    clockwork.tick()
    first = house.cursor() // 100 * 100 + 100

    wait_for(lambda: clockwork.tick() and len(house.job_slots()) >= 8)

    slots = house.job_slots()
    assert slots == [first + 100 * n for n in range(len(slots))]
    assert [int(line["slot"]) for line in house.ledger()] == slots


def test_several_schedulers_fire_each_slot_once(house: House) -> None:
    clockworks = [house.clockwork(schedule(every_ms=100)) for _ in range(5)]

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
    house.set_cursor("owl", slots[0] - SECOND)
    owl = schedule(every_ms=SECOND)
    other = house.clockwork(owl)
    asked: list[bool] = []

    def lose_the_lease_after_the_first_slot() -> bool:
        asked.append(True)
        if len(asked) == 2:
            # As if this process had been frozen here for longer than its lease.
            house.client.delete(house.keys.leader)
            other.tick()
        return False

    frozen = house.clockwork(owl, is_stopping=lose_the_lease_after_the_first_slot)
    frozen.tick()

    assert len(asked) == 2  # it went on, was fenced at the first chance, and gave up
    assert house.job_slots()[:4] == slots
    settled = Counter(int(line["slot"]) for line in house.ledger())
    assert [settled[slot] for slot in slots] == [1, 1, 1, 1]
    assert max(settled.values()) == 1


def test_a_crash_between_job_and_cursor_repeats_nothing(house: House) -> None:
    owl = schedule(grace_ms=2 * HOUR)
    slot = house.last_slot_ms()
    house.set_cursor("owl", slot - HOUR)
    request = Request("demo", "echo", DATA, owl.options_at(slot))
    Producer(house.client, namespace=house.namespace).enqueue(request)

    house.clockwork(owl).tick()

    assert house.job_slots() == [slot]
    assert house.client.zcard(QueueKeys(house.namespace, "demo").one("waiting")) == 1
    assert [line["outcome"] for line in house.ledger()] == ["fired"]


def test_slots_that_are_too_late_are_skipped_and_written_down(house: House) -> None:
    slot = house.last_slot_ms()
    house.set_cursor("owl", slot - 5 * HOUR)

    house.clockwork(schedule(misfire=Misfire.SKIP, grace_ms=0)).tick()

    assert house.job_slots() == []
    assert house.cursor() == slot
    (line,) = house.ledger()
    assert line["outcome"] == "skipped"
    assert line["reason"] == "too late"
    assert line["count"] == "5"


def test_one_run_makes_up_for_all_that_were_missed(house: House) -> None:
    slot = house.last_slot_ms()
    house.set_cursor("owl", slot - 5 * HOUR)

    house.clockwork(schedule(misfire=Misfire.ONCE, grace_ms=0)).tick()

    assert house.job_slots() == [slot]
    assert [line["outcome"] for line in house.ledger()] == ["skipped", "fired"]
    assert house.ledger()[0]["count"] == "4"


def test_a_broken_queue_stops_only_its_own_schedule(house: House) -> None:
    slot = house.last_slot_ms()
    broken = QueueKeys(house.namespace, "broken").one("waiting")
    house.client.set(broken, "not ours")
    two = (
        schedule("sick", queue="broken", grace_ms=2 * HOUR),
        schedule("well", grace_ms=2 * HOUR),
    )
    for each in two:
        house.set_cursor(each.id, slot - HOUR)
    clockwork = house.clockwork(*two)

    clockwork.tick()
    house.client.delete(broken)
    wait_for(lambda: clockwork.tick() and house.job_slots("sick", "broken"))

    assert house.job_slots("well") == [slot]
    assert house.job_slots("sick", "broken") == [slot]


def test_a_stopping_scheduler_leaves_the_rest_to_the_next(house: House) -> None:
    slot = house.last_slot_ms(SECOND)
    house.set_cursor("owl", slot - 3 * SECOND)
    owl = schedule(every_ms=SECOND)

    house.clockwork(owl, is_stopping=lambda: True).tick()
    assert house.job_slots() == []
    house.client.delete(house.keys.leader)
    house.clockwork(owl).tick()

    assert house.job_slots()[:3] == [slot - 2 * SECOND, slot - SECOND, slot]


def test_a_full_redis_delays_slots_and_loses_none(own_server: RedisServer) -> None:
    with connect(own_server.url) as client:
        house = House(client, "full")
        slot = house.last_slot_ms()
        house.set_cursor("owl", slot - HOUR)
        clockwork = house.clockwork(schedule(grace_ms=2 * HOUR))
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
        clockwork, pulse = house.clockwork(schedule(every_ms=100)), Pulse()
        assert guarded_tick(clockwork, pulse) != RETRY_MS
        first = house.cursor() // 100 * 100 + 100

        own_server.stop()
        assert guarded_tick(clockwork, pulse) == RETRY_MS
        assert guarded_tick(clockwork, pulse) == RETRY_MS
        own_server.start()
        wait_for(lambda: guarded_tick(clockwork, pulse) and len(house.job_slots()) >= 8)

        slots = house.job_slots()
        assert slots == [first + 100 * n for n in range(len(slots))]


def test_a_redis_that_comes_back_empty_costs_no_slot_of_the_outage(
    house: House,
) -> None:
    clockwork, pulse = house.clockwork(schedule(every_ms=100)), Pulse()
    guarded_tick(clockwork, pulse)
    last_known = house.cursor()

    house.client.delete(house.keys.leader, house.keys.epoch, house.keys.cursors)
    clockwork._agenda.close()  # what the outage would have done
    wait_for(lambda: guarded_tick(clockwork, pulse) and len(house.job_slots()) >= 3)

    assert house.job_slots()[0] == last_known // 100 * 100 + 100
