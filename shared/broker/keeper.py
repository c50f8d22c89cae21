"""What a worker process does beside running jobs, from a thread of its own.

Its leases are renewed, jobs of lost workers taken back, cancellations followed, what is
past its time tidied away, callers told of the ends of their jobs, and its presence
announced.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dramatiq.threading import raise_thread_exception

from shared import clock, logging, metrics
from shared.broker.interrupts import JobCancelled
from shared.broker.suspects import MAX_STALLED
from shared.contracts.contract import GENERAL_DEFAULTS
from shared.errors import BrokerError, RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shared.broker.broker import NightshiftBroker
    from shared.broker.delivery import Delivery

RENEW_EVERY_MS = 3_000.0
SWEEP_EVERY_MS = 1_500.0
CANCEL_EVERY_MS = 500.0
TIDY_EVERY_MS = 5_000.0
ANNOUNCE_EVERY_MS = 5_000.0
#: What this process ended itself is told at once; this is for what others ended.
TELL_EVERY_MS = 2_000.0
#: A lease that misses two renewals becomes suspect, ahead of its expiry.
SUSPECT_BEFORE_EXPIRY_MS = 4_000
#: A living worker has this long to renew after Redis itself was away.
SUSPECT_FOR_MS = 2_000
#: A cancelled job has this long to stop by itself before its thread is interrupted ...
COOPERATION_MS = 1_000.0
#: ... and this long before it is taken from a thread that hears no exception.
PATIENCE_MS = 5_000.0
#: Jobs of one kind that one round of tidying moves.
TIDY_LIMIT = 200
_TICK_S = 0.25

_log = logging.get(__name__)


@dataclass
class _Duty:
    name: str
    every_ms: float
    act: Callable[[], None]
    due_ms: float


class LeaseKeeper:
    """Does its duties in their order, each in its own rhythm."""

    def __init__(self, broker: NightshiftBroker) -> None:
        """Keep the leases of `broker`."""
        self._broker = broker
        self._stopping = threading.Event()
        self._has_news = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="lease-keeper", daemon=True
        )
        now_ms = clock.monotonic_ms()
        self._duties = [
            # Renewing comes first: after an outage it must beat every sweep.
            _Duty("renew", RENEW_EVERY_MS, self._renew, now_ms + RENEW_EVERY_MS),
            _Duty("cancel", CANCEL_EVERY_MS, self._follow_cancellations, now_ms),
            _Duty("sweep", SWEEP_EVERY_MS, self._sweep, now_ms + SWEEP_EVERY_MS),
            _Duty("tidy", TIDY_EVERY_MS, self._tidy, now_ms + TIDY_EVERY_MS),
            _Duty("tell", TELL_EVERY_MS, self._tell, now_ms),
            _Duty("announce", ANNOUNCE_EVERY_MS, self._announce, now_ms),
        ]

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def tell_soon(self) -> None:
        """Let the callers of jobs that have just ended be told with the next tick."""
        self._has_news.set()

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_S):
            for duty in self._duties:
                if clock.monotonic_ms() < duty.due_ms and not self._is_urgent(duty):
                    continue
                if not self._do(duty):
                    # What follows needs Redis, too; all of it is due again next tick.
                    break
                duty.due_ms = clock.monotonic_ms() + duty.every_ms

    def _is_urgent(self, duty: _Duty) -> bool:
        return duty.name == "tell" and self._has_news.is_set()

    def _do(self, duty: _Duty) -> bool:
        """Do a duty; whether it succeeded."""
        try:
            duty.act()
        except BrokerError as error:
            _log.warning("lease_keeping_failed", duty=duty.name, reason=str(error))
            return False
        except Exception:  # noqa: BLE001 - leases need this thread alive
            _log.error("lease_keeping_failed", duty=duty.name, exc_info=True)
        return True

    def _for_each(self, queues: Iterable[str], act: Callable[[str], object]) -> None:
        """Do something for each queue, but for those of a server that is away.

        Raises:
            RedisUnavailableError: When it could be done for none.
        """
        away: set[object] = set()
        failure, is_done = None, False
        for queue in queues:
            server = self._broker.server_of(queue)
            if server in away:
                continue
            try:
                act(queue)
            except RedisUnavailableError as error:
                failure = error
                away.add(server)
            else:
                is_done = True
        if failure is not None:
            if not is_done:
                raise failure
            _log.warning("queues_out_of_reach", reason=str(failure))

    def _renew(self) -> None:
        leases = self._broker.leases_by_queue()

        def renew(queue: str) -> None:
            held = leases[queue]
            lost = self._broker.scripts_of(queue).renew(
                [(d.job_id, d.token) for d in held], lease_ms=self._broker.lease_ms
            )
            for delivery in held:
                if delivery.job_id in lost and not delivery.is_lost:
                    delivery.is_lost = True
                    metrics.LEASES_LOST.labels(queue).inc()
                    _log.warning("lease_lost", queue=queue, job_id=delivery.job_id)

        self._for_each(leases, renew)
        self._broker.note_renewal()

    def _follow_cancellations(self) -> None:
        leases = self._broker.leases_by_queue()

        def follow(queue: str) -> None:
            wanted = self._broker.cancelling(queue)
            for delivery in leases[queue]:
                if delivery.job_id in wanted and not delivery.is_lost:
                    self._cancel(delivery)

        self._for_each(leases, follow)

    def _cancel(self, delivery: Delivery) -> None:
        now_ms = clock.monotonic_ms()
        if delivery.cancelled_at_ms is None:
            delivery.cancelled_at_ms = now_ms
            _log.info("job_cancelling", job_id=delivery.job_id)
            return
        waited_ms = now_ms - delivery.cancelled_at_ms
        if waited_ms > PATIENCE_MS:
            _log.warning("job_taken_from_thread", job_id=delivery.job_id)
            self._broker.abandon(delivery)
        elif waited_ms > COOPERATION_MS and delivery.thread_id is not None:
            raise_thread_exception(delivery.thread_id, JobCancelled)

    def _sweep(self) -> None:
        def sweep(queue: str) -> None:
            found = self._broker.scripts_of(queue).recover(
                gate_ms=int(SWEEP_EVERY_MS) - 100,
                suspect_before_expiry_ms=SUSPECT_BEFORE_EXPIRY_MS,
                suspect_for_ms=SUSPECT_FOR_MS,
                max_stalled=MAX_STALLED,
                keep=GENERAL_DEFAULTS.keep_failed,
            )
            if any(found):
                _log.warning("jobs_recovered", queue=queue, **found._asdict())
                metrics.JOBS_RECOVERED.labels(queue, "waiting").inc(found.recovered)
                metrics.JOBS_RECOVERED.labels(queue, "poison").inc(found.poisoned)
                self._broker.tally.poisoned(queue, found.tasks)

        self._for_each(self._broker.consumed_queues(), sweep)

    def _tidy(self) -> None:
        def tidy(queue: str) -> None:
            tidied = self._broker.scripts_of(queue).tidy(limit=TIDY_LIMIT)
            if tidied.expired:
                _log.warning("jobs_expired", queue=queue, count=tidied.expired)

        self._for_each(self._broker.consumed_queues(), tidy)

    def _tell(self) -> None:
        self._has_news.clear()
        self._for_each(self._broker.consumed_queues(), self._broker.outbox.send)

    def _announce(self) -> None:
        self._broker.announce()
