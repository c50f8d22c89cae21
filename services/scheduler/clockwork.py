"""One tick: keep the leadership, and turn every slot that has come into its job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.scheduler.entries import due_of, entry_of, postponed, requests_of
from services.scheduler.leader import RENEW_MS
from services.scheduler.library import Library, Unusable
from services.scheduler.turn import decide
from shared import clock, logging, metrics
from shared.errors import BrokerError, RedisFullError, RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.scheduler.leader import Leader
    from services.scheduler.schedule_meter import ScheduleMeter
    from services.scheduler.server_clock import ServerClock
    from services.scheduler.slot_store import Due, Entry, SlotStore
    from services.scheduler.turn import Turn
    from services.scheduler.workplace import Workplace
    from shared.broker.producer import Enqueued
    from shared.schedules.book import ScheduleBook
    from shared.schedules.definition import ScheduleDefinition

#: How often the leader looks for schedules that somebody created or changed.
LOOK_MS = 500
#: When a schedule whose slot could not be fired is looked at again.
TRY_AGAIN_MS = 1_000
#: A tick that has so much to do leaves the rest to the next one, so that it never
#: looks dead and always hears that it is to stop.
LONGEST_TICK_MS = 1_000
#: How many schedules are fired in one go.
BATCH = 500
#: Schedules that are due within so long are read ahead, so many per tick: a few
#: milliseconds' work, that no slot has to wait for longer.
AHEAD_MS, AHEAD_LIMIT, AHEAD_BATCH = 10_000, 20_000, 20
#: How often it is looked who is due soon.
AHEAD_EVERY_MS = 250
#: How often the times of the defaults are told anew.
TELL_EVERY_MS = 1_000

_log = logging.get(__name__)


class _FencedError(Exception):
    """Raised when another scheduler leads by now; what it decides counts."""


class Clockwork:
    """Fires slots while it leads; waits while another does.

    The order is: create the jobs, then settle the slots. A crash between the two
    makes the next leader create the same jobs again, which their ids turn into
    nothing.
    """

    def __init__(
        self,
        defaults: Mapping[str, ScheduleDefinition],
        *,
        book: ScheduleBook,
        store: SlotStore,
        workplace: Workplace,
        leader: Leader,
        server_clock: ServerClock,
        meter: ScheduleMeter,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Fire the schedules of `book`.

        Args:
            defaults: The schedules that the code declares, brought into the book.
            book: Keeps schedules.
            store: Keeps what becomes of slots.
            workplace: Where jobs are created and looked at.
            leader: Says whether this scheduler fires.
            server_clock: What time it is; `leader` sets it.
            meter: Counts.
            is_stopping: Asked between two batches; the rest is for the next leader.
        """
        self._defaults = defaults
        self._book = book
        self._store = store
        self._workplace = workplace
        self._library = Library(store, catalogue=workplace.catalogue)
        self._leader = leader
        self._clock = server_clock
        self._meter = meter
        self._is_stopping = is_stopping
        self._opened = 0
        self._look_at = 0.0
        self._tell_at = 0.0
        self._unread: list[str] = []
        #: Where the defaults are, should Redis come back without them.
        self._cursors: dict[str, int] = {}

    def tick(self) -> float:
        """Fire what is due; return the milliseconds until the next tick is needed.

        Raises:
            RedisUnavailableError: When Redis did not answer.
            RedisFullError: When Redis has no memory left.
            BrokerError: When Redis holds something else than the scheduler's keys.
        """
        try:
            if not self._leader.is_fresh and not self._leader.keep():
                self._opened = 0
                self._meter.leave()
                return self._leader.retry_after_ms
            self._open()
            if self._fire_due():
                return 0
            return self._look_ahead()
        except _FencedError:
            self._leader.lose()
            self._opened = 0
            return self._leader.retry_after_ms
        except Exception:
            # Redis may have come back empty: the next tick begins from the start.
            self._opened = 0
            raise

    def _open(self) -> None:
        if self._opened == self._leader.term:
            return
        self._library.forget()
        self._book.declare(self._defaults, first_ms=self._cursors)
        for schedule_id in self._defaults:
            self._meter.declare(schedule_id)
        self._opened = self._leader.term
        _log.info("leadership_begun", schedules=self._book.store.count())

    def _fire_due(self) -> bool:
        """Fire what is due; return whether something is left."""
        give_up_at = clock.monotonic_ms() + LONGEST_TICK_MS
        while True:
            now_ms = self._clock.now_ms()
            dues = self._store.due(until_ms=now_ms, limit=BATCH)
            self._meter.lag(now_ms - (dues[0].progress.due_ms or now_ms) if dues else 0)
            if not dues or self._is_stopping():
                return False
            self._fire(dues, now_ms)
            if clock.monotonic_ms() > give_up_at:
                return True
            self._stay_leader()

    def _fire(self, dues: Sequence[Due], now_ms: int) -> None:
        turns: list[Turn] = []
        entries: list[Entry] = []
        for due, schedule in zip(dues, self._library.find(dues), strict=True):
            if schedule is None:
                continue
            if isinstance(schedule, Unusable):
                entries.append(self._put_off(due, schedule.trouble, now_ms))
                continue
            try:
                turn = decide(
                    schedule,
                    due.progress,
                    now_ms=now_ms,
                    state_of=self._workplace.state_of,
                )
                self._workplace.cancel(schedule.queue, turn.cancelled)
                turns.append(turn)
            except (RedisUnavailableError, RedisFullError):
                raise
            except Exception as error:  # noqa: BLE001 - the border of a schedule
                entries.append(self._put_off(due, _sentence(error), now_ms))
        entries += self._enqueue(turns, now_ms)
        self._settle(entries)

    def _enqueue(self, turns: Sequence[Turn], now_ms: int) -> list[Entry]:
        """Create the jobs of all turns at once; return what is to be settled."""
        requests = [requests_of(turn, self._workplace.catalogue) for turn in turns]
        answers = iter(
            self._workplace.enqueue([r for wanted in requests for r in wanted])
        )
        entries = []
        for turn, wanted in zip(turns, requests, strict=True):
            jobs = [next(answers) for _ in wanted]
            failed = [answer for answer in jobs if isinstance(answer, BrokerError)]
            due = due_of(turn)
            if failed:
                # One schedule whose queue is broken must not stop the others; its
                # slots stay undecided.
                entries.append(self._put_off(due, _sentence(failed[0]), now_ms))
                continue
            created = [answer for answer in jobs if not isinstance(answer, BrokerError)]
            entries.append(entry_of(turn, created, now_ms=now_ms))
            self._tell(turn, created)
        return entries

    def _tell(self, turn: Turn, jobs: Sequence[Enqueued]) -> None:
        schedule = turn.schedule
        if schedule.id in self._defaults:
            self._cursors[schedule.id] = turn.cursor_ms
        self._meter.turned(turn, jobs)
        for slot_ms, job in zip(turn.fire, jobs, strict=True):
            _log.info(
                "slot_fired",
                schedule=schedule.id,
                job_id=job.job_id,
                lateness_ms=job.timestamp - schedule.timetable.due_ms(slot_ms),
                created=job.created,
            )
        for skipped in turn.skipped:
            _log.warning(
                "slots_skipped",
                schedule=schedule.id,
                slot=skipped.last_ms,
                count=skipped.count,
                reason=skipped.reason.value,
            )
        if turn.paused and not turn.progress.paused:
            _log.warning("schedule_paused", schedule=schedule.id, reason=turn.paused)

    def _put_off(self, due: Due, trouble: str, now_ms: int) -> Entry:
        _log.error(
            "slot_not_fired",
            schedule=due.id,
            reason=trouble,
            again_in_ms=TRY_AGAIN_MS,
        )
        return postponed(due, trouble, until_ms=now_ms + TRY_AGAIN_MS)

    def _settle(self, entries: Sequence[Entry]) -> None:
        if entries and self._store.settle(self._leader.mark, entries) is None:
            raise _FencedError

    def _stay_leader(self) -> None:
        if not self._leader.is_fresh and not self._leader.keep():
            raise _FencedError

    def _look_ahead(self) -> float:
        """Read what is due soon; return the milliseconds until the next look."""
        now_ms = self._clock.now_ms()
        if clock.monotonic_ms() >= self._look_at:
            self._look_at = clock.monotonic_ms() + AHEAD_EVERY_MS
            soon = self._store.upcoming(until_ms=now_ms + AHEAD_MS, limit=AHEAD_LIMIT)
            self._unread = [name for name, _ in soon if name not in self._library]
        if self._unread:
            self._library.load(self._unread[:AHEAD_BATCH])
            del self._unread[:AHEAD_BATCH]
        self._tell_times()
        metrics.SCHEDULER_LAST_TICK.set(now_ms / 1000)
        upcoming = self._store.upcoming(until_ms=now_ms + AHEAD_MS, limit=1)
        wait_ms: float = 0 if self._unread else min(RENEW_MS, LOOK_MS)
        if upcoming:
            # The server tells whole milliseconds: one more, and it has surely come.
            wait_ms = min(wait_ms, self._clock.until_ms(upcoming[0][1] + 1))
        return wait_ms

    def _tell_times(self) -> None:
        """Tell when the defaults are due; somebody may have paused or removed one."""
        if clock.monotonic_ms() < self._tell_at:
            return
        self._tell_at = clock.monotonic_ms() + TELL_EVERY_MS
        for name, due_ms in self._store.due_times(tuple(self._defaults)).items():
            self._meter.due(name, due_ms)


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
