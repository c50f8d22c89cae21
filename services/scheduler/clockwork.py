"""One tick: keep the leadership, and turn every slot that has come into its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheduler import schedule_metrics
from services.scheduler.agenda import Agenda
from services.scheduler.leader import RENEW_MS
from services.scheduler.slots import Skipped, plan
from services.scheduler.store import Entry, Settled
from shared import clock, logging
from shared.broker.producer import Request
from shared.errors import RedisFullError, RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.scheduler.leader import Leader
    from services.scheduler.schedule import Schedule
    from services.scheduler.server_clock import ServerClock
    from services.scheduler.store import SchedulerStore
    from shared.broker.producer import Producer
    from shared.contracts.catalogue import Catalogue

#: When a schedule whose slot could not be fired is looked at again.
TRY_AGAIN_MS = 1_000
#: A tick that has so much to do leaves the rest to the next one, so that it never
#: looks dead and always hears that it is to stop.
LONGEST_TICK_MS = 1_000

_log = logging.get(__name__)


class _FencedError(Exception):
    """Raised when another scheduler leads by now; what it decides counts."""


class Clockwork:
    """Fires slots while it leads; waits while another does.

    The order is: create the job, then settle the slot. A crash between the two makes
    the next leader create the same job again, which its id turns into nothing.
    """

    def __init__(
        self,
        schedules: Iterable[Schedule],
        *,
        catalogue: Catalogue,
        producer: Producer,
        store: SchedulerStore,
        leader: Leader,
        server_clock: ServerClock,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Fire `schedules`.

        Args:
            schedules: The schedules.
            catalogue: Gives the default options of their tasks.
            producer: Creates the jobs.
            store: Keeps cursors and ledger.
            leader: Says whether this scheduler fires.
            server_clock: What time it is; `leader` sets it.
            is_stopping: Asked before each slot; the rest is left to the next leader.
        """
        self._agenda = Agenda(schedules)
        self._catalogue = catalogue
        self._producer = producer
        self._store = store
        self._leader = leader
        self._clock = server_clock
        self._is_stopping = is_stopping

    def tick(self) -> float:
        """Fire what is due; return the milliseconds until the next tick is needed.

        Raises:
            RedisUnavailableError: When Redis did not answer.
            RedisFullError: When Redis has no memory left.
            BrokerError: When Redis holds something else than the scheduler's keys.
        """
        try:
            if not self._leader.keep():
                self._agenda.close()
                return self._leader.retry_after_ms
            self._open_agenda()
            self._settle_due()
        except _FencedError:
            self._agenda.close()
            return self._leader.retry_after_ms
        except Exception:
            # Some slots of a plan may be settled and some not: only Redis knows.
            self._agenda.close()
            raise
        return self._until_next_ms()

    def _open_agenda(self) -> None:
        if self._agenda.is_open:
            return
        cursors = self._store.open_cursors(
            [schedule.id for schedule in self._agenda.schedules],
            # A Redis that came back empty must not cost the slots of the outage.
            first_ms=self._agenda.cursors,
            now_ms=self._clock.now_ms(),
        )
        self._agenda.open(cursors)
        for schedule in self._agenda.schedules:
            schedule_metrics.declare(schedule, after_ms=cursors[schedule.id])
        _log.info("agenda_opened", schedules=len(cursors))

    def _settle_due(self) -> None:
        now_ms = self._clock.now_ms()
        give_up_at = clock.monotonic_ms() + LONGEST_TICK_MS
        while schedule := self._agenda.take_due(now_ms):
            try:
                cursor_ms = self._settle_slots(schedule, now_ms)
                schedule_metrics.upcoming(schedule, after_ms=cursor_ms)
                self._agenda.advance(schedule, cursor_ms)
            except (RedisUnavailableError, RedisFullError, _FencedError):
                raise
            except Exception:  # noqa: BLE001 - the border of a schedule
                # One schedule that is broken, or whose queue is, must not stop the
                # others; its slots stay undecided.
                _log.exception(
                    "slot_not_fired", schedule=schedule.id, again_in_ms=TRY_AGAIN_MS
                )
                self._agenda.postpone(schedule, now_ms + TRY_AGAIN_MS)
            if self._is_stopping() or clock.monotonic_ms() > give_up_at:
                return

    def _settle_slots(self, schedule: Schedule, now_ms: int) -> int:
        """Settle a schedule's slots up to `now_ms`; return the last settled one."""
        cursor_ms = self._agenda.cursors[schedule.id]
        todo = plan(schedule, cursor_ms=cursor_ms, now_ms=now_ms)
        if todo.skipped:
            self._skip(schedule, todo.skipped)
            cursor_ms = todo.skipped.last_ms
        for slot_ms in todo.fire:
            if self._is_stopping():
                break
            self._stay_leader()
            self._fire(schedule, slot_ms)
            cursor_ms = slot_ms
        return cursor_ms

    def _fire(self, schedule: Schedule, slot_ms: int) -> None:
        contract = self._catalogue.find(schedule.name)
        enqueued = self._producer.enqueue(
            Request(
                queue=schedule.queue,
                name=schedule.name,
                data=schedule.data,
                options=schedule.options_at(slot_ms),
                defaults=contract.defaults,
            )
        )
        lateness_ms = max(0, enqueued.timestamp - slot_ms)
        if enqueued.created:
            schedule_metrics.fired(schedule, at_ms=enqueued.timestamp)
        fields: dict[str, str | int] = {
            "outcome": "fired",
            "slot": slot_ms,
            "job": enqueued.job_id,
            "queue": schedule.queue,
            "latenessMs": lateness_ms,
        }
        self._settle(Entry(schedule.id, slot_ms, fields))
        _log.info(
            "slot_fired",
            schedule=schedule.id,
            job_id=enqueued.job_id,
            lateness_ms=lateness_ms,
            created=enqueued.created,
        )

    def _skip(self, schedule: Schedule, skipped: Skipped) -> None:
        fields: dict[str, str | int] = {
            "outcome": "skipped",
            "slot": skipped.last_ms,
            "firstSlot": skipped.first_ms,
            "count": skipped.count,
            "reason": skipped.reason.value,
        }
        settled = self._settle(Entry(schedule.id, skipped.last_ms, fields))
        if settled is Settled.DONE:
            schedule_metrics.skipped(schedule, count=skipped.count)
            _log.warning("slots_skipped", schedule=schedule.id, **fields)

    def _settle(self, entry: Entry) -> Settled:
        settled = self._store.settle(self._leader.mark, entry)
        if settled is Settled.FENCED:
            self._leader.lose()
            raise _FencedError
        return settled

    def _stay_leader(self) -> None:
        if not self._leader.is_fresh and not self._leader.keep():
            raise _FencedError

    def _until_next_ms(self) -> float:
        next_ms = self._agenda.next_ms
        if next_ms is None:
            return RENEW_MS
        # The server tells whole milliseconds: one more, and the slot has surely come.
        return min(RENEW_MS, self._clock.until_ms(next_ms + 1))
