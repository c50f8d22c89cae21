"""Schedulers of one namespace, and what they left in Redis, for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.scheduler.clockwork import Clockwork
from services.scheduler.leader import Leader
from services.scheduler.lease_store import LeaseStore
from services.scheduler.schedule_meter import ScheduleMeter
from services.scheduler.server_clock import ServerClock
from services.scheduler.slot_store import SlotStore
from services.scheduler.workplace import Workplace
from shared.broker.keys import QueueKeys
from shared.contracts import catalogue as catalogues
from shared.schedules.book import ScheduleBook
from shared.schedules.definition import ScheduleDefinition, Template
from shared.schedules.keys import SchedulerKeys
from shared.schedules.store import ScheduleStore
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import redis

    from shared.schedules.record import StoredSchedule

HOUR = 3_600_000
DATA: dict[str, Any] = {"msg": "hoo"}


def definition(**changes: Any) -> ScheduleDefinition:
    """Return a schedule of `echo`, hourly unless `changes` say otherwise."""
    fields: dict[str, Any] = {
        "template": Template(name=changes.pop("task", "echo"), data=DATA)
    }
    if "pattern" not in changes:
        fields["every"] = HOUR
    return ScheduleDefinition(**(fields | changes))


class ShiftedClock(ServerClock):
    """The server's clock, put forward or back by a test."""

    shift_ms = 0

    def saw(self, now_ms: int) -> None:
        """Take the server's word, and shift it."""
        super().saw(now_ms + self.shift_ms)


@dataclass
class House:
    """Schedulers of one namespace, and what they left in Redis."""

    client: redis.Redis
    namespace: str
    keys: SchedulerKeys = field(init=False)
    book: ScheduleBook = field(init=False)

    def __post_init__(self) -> None:
        """Look at the namespace."""
        self.keys = SchedulerKeys(self.namespace)
        self.book = ScheduleBook(
            ScheduleStore(self.client, namespace=self.namespace),
            catalogue=catalogues.load(),
        )

    def clockwork(
        self,
        *,
        defaults: Mapping[str, ScheduleDefinition] | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
        client: redis.Redis | None = None,
        server_clock: ServerClock | None = None,
    ) -> Clockwork:
        """Return a scheduler that ticks when it is told."""
        client = client or self.client
        tasks = catalogues.load()
        server_clock = server_clock or ServerClock()
        lease = LeaseStore(client, namespace=self.namespace)
        return Clockwork(
            defaults or {},
            book=ScheduleBook(
                ScheduleStore(client, namespace=self.namespace), catalogue=tasks
            ),
            store=SlotStore(client, namespace=self.namespace),
            workplace=Workplace(client, namespace=self.namespace, catalogue=tasks),
            leader=Leader(lease, server_clock=server_clock),
            server_clock=server_clock,
            meter=ScheduleMeter(defaults or {}),
            is_stopping=is_stopping,
        )

    def put(self, name: str = "owl", **changes: Any) -> None:
        """Create or change a schedule, hourly unless `changes` say otherwise."""
        self.book.put(name, definition(**changes))

    def now_ms(self) -> int:
        """Return the server's clock."""
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def last_slot_ms(self, every_ms: int = HOUR) -> int:
        """Return the last slot that has come; wait when the next one is very near."""
        wait_for(lambda: self.now_ms() % every_ms < every_ms - 200)
        return self.now_ms() // every_ms * every_ms

    def put_back(self, slot_ms: int, name: str = "owl") -> None:
        """Pretend that `slot_ms` was the last slot that anybody decided."""
        self.client.hset(self.keys.schedule(name), "cursor", str(slot_ms))
        self.client.zadd(self.keys.due, {name: slot_ms + 1})

    def stored(self, name: str = "owl") -> StoredSchedule:
        """Return a schedule as it is kept."""
        return self.book.find(name)

    def cursor(self, name: str = "owl") -> int:
        """Return the last decided slot."""
        return self.stored(name).progress.cursor_ms

    def job_slots(self, name: str = "owl", queue: str = "demo") -> list[int]:
        """Return the slots that have a job, ascending."""
        prefix = QueueKeys(self.namespace, queue).of("job", f"{name}:")
        found = self.client.scan_iter(match=f"{prefix}*", count=10_000)
        return sorted(int(key.decode().removeprefix(prefix)) for key in found)

    def ledger(self, name: str = "owl") -> list[dict[str, str]]:
        """Return what was written about a schedule's slots, oldest first."""
        entries: list[Any] = self.client.xrange(self.keys.ledger(name)) or []
        return [
            {key.decode(): value.decode() for key, value in fields.items()}
            for _, fields in entries
        ]

    def outcomes(self, name: str = "owl") -> list[tuple[str, str]]:
        """Return outcome and reason of each line, oldest first."""
        return [(line["outcome"], line.get("reason", "")) for line in self.ledger(name)]
