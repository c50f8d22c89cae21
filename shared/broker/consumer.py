"""One queue's consumer: claims jobs, hands them to Dramatiq, hands in the outcomes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from dramatiq import Consumer

from shared import clock, logging
from shared.broker import delivery as deliveries
from shared.broker import record as records
from shared.broker.claim_line import ClaimLine
from shared.broker.delivery import Delivery, JobMessage
from shared.broker.orders import ReleaseOrder, order_of, refusal
from shared.broker.suspects import SUSPECT_DELAY_MS
from shared.broker.wake import WakeListener
from shared.contracts.contract import GENERAL_DEFAULTS
from shared.errors import BrokerError, InvalidDataError
from shared.jobs import options as job_options
from shared.jobs.options import JobOptions, StoredOptions
from shared.jobs.outcome import Failed, Failure, Released, Retried

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.broker.broker import NightshiftBroker
    from shared.broker.scripts import Claim, Claimed, Scripts
    from shared.jobs.options import Policy

#: Most jobs that one claim takes.
MAX_CLAIM = 128
#: From this many jobs on it pays to ask for the next claim ahead.
ASK_AHEAD_FROM = 32
#: Longest wait for room in one step, in seconds: stuck jobs are noticed between steps.
ROOM_STEP_S = 0.1
#: An idle consumer looks again after this long although nothing woke it: the token may
#: have been taken by a worker that died before its claim. In milliseconds.
RECLAIM_MS = 2_000.0
#: Wait before the next try while Redis is away, in seconds.
OUTAGE_PAUSE_S = 0.5
#: A job of a task that this worker doesn't know is offered again after this long.
UNKNOWN_TASK_DELAY_MS = 5_000

_NO_OPTIONS = JobOptions()
_log = logging.get(__name__)


class JobConsumer(Consumer):
    """Iterates over the jobs of one queue; `None` means that there is none now."""

    def __init__(
        self,
        broker: NightshiftBroker,
        queue: str,
        scripts: Scripts,
        *,
        timeout_s: float,
    ) -> None:
        """Prepare; `timeout_s` is the longest that one step of the iteration takes."""
        self._broker = broker
        self._queue = queue
        self._timeout_s = timeout_s
        self._wake = WakeListener(broker.client, broker.keys_of(queue).one("wake"))
        self._line = ClaimLine(
            broker.client, scripts, worker=broker.worker_name, lease_ms=broker.lease_ms
        )
        self._ready: deque[JobMessage] = deque()
        self._policies: dict[str, Policy] = {}
        self._idle_until_ms = 0.0

    def __next__(self) -> JobMessage | None:
        message = None if self._broker.is_draining else self._next()
        # The drain may have begun while Redis was asked.
        if self._broker.is_draining:
            self._take_leave(message)
            return None
        return message

    def _next(self) -> JobMessage | None:
        if self._ready:
            return self._ready.popleft()
        capacity = self._broker.capacity
        if capacity.is_stuck(self._queue):
            self._broker.hand_back_queued(self._queue)
        try:
            if self._line.is_asked:
                return self._take(self._line.answer())
            if self._is_idle():
                return None
            room = capacity.wait_for_room(
                self._queue, timeout_s=min(self._timeout_s, ROOM_STEP_S)
            )
            return self._take(self._line.claim(min(room, MAX_CLAIM))) if room else None
        except BrokerError as error:
            _log.warning("claim_failed", queue=self._queue, reason=str(error))
            time.sleep(OUTAGE_PAUSE_S)
            return None

    def ack(self, message: JobMessage) -> None:  # type: ignore[override]  # ours only
        """Hand in how the attempt ended."""
        self._settle(message)

    def nack(self, message: JobMessage) -> None:  # type: ignore[override]  # ours only
        """Hand in that the attempt failed for good."""
        match message.outcome:
            case Failed():
                pass
            case Retried(failure=failure):
                message.outcome = Failed(failure)
            case _:
                message.outcome = Failed(Failure("error", "The message was rejected."))
        self._settle(message)

    def requeue(self, messages: Iterable[JobMessage]) -> None:  # type: ignore[override]  # ours only
        """Hand back jobs that never began."""
        for message in messages:
            message.outcome = Released(started=False)
            self._settle(message)

    def close(self) -> None:
        """Hand back what is left and close the connection."""
        self.requeue(self._ready)
        self._ready.clear()
        self._wake.close()
        self._line.close()

    def _take(self, claim: Claim) -> JobMessage | None:
        for claimed in claim.jobs:
            self._accept(claimed, claim.now_ms)
        if len(claim.jobs) >= ASK_AHEAD_FROM and not self._broker.is_draining:
            self._ask_ahead()
        elif not claim.jobs:
            next_due_ms = RECLAIM_MS
            if claim.next_due_in_ms is not None:
                next_due_ms = min(next_due_ms, claim.next_due_in_ms)
            self._idle_until_ms = clock.monotonic_ms() + next_due_ms
        return self._ready.popleft() if self._ready else None

    def _ask_ahead(self) -> None:
        room = self._broker.capacity.room(self._queue)
        if room >= ASK_AHEAD_FROM:
            self._line.ask(min(room, MAX_CLAIM))

    def _is_idle(self) -> bool:
        """Wait for work in steps; whether there was none in this one."""
        idle_ms = self._idle_until_ms - clock.monotonic_ms()
        if idle_ms <= 0:
            return False
        is_woken = self._wake.wait(timeout_s=min(self._timeout_s, idle_ms / 1000))
        if is_woken:
            self._idle_until_ms = 0.0
        return not is_woken

    def _take_leave(self, message: JobMessage | None) -> None:
        """Hand back what was claimed, and what was asked for, before the drain."""
        self.requeue([message] if message else [])
        if self._line.is_asked:
            try:
                asked = self._take(self._line.answer())
            except BrokerError as error:
                _log.warning("claim_failed", queue=self._queue, reason=str(error))
            else:
                self.requeue([asked] if asked else [])
        self.requeue(self._ready)
        self._ready.clear()
        self._broker.wait_while_draining(self._timeout_s)

    def _accept(self, claimed: Claimed, now_ms: int) -> None:
        if claimed.stalled_counter and not self._broker.may_take(claimed):
            self._put_off(claimed, SUSPECT_DELAY_MS)
            return
        try:
            message = self._message(claimed, now_ms)
        except (ValueError, InvalidDataError) as error:
            # This record alone is damaged; its neighbours go on.
            _log.error("record_invalid", queue=self._queue, job_id=claimed.job_id)
            order = refusal(
                claimed.job_id, claimed.token, reason=str(error), now_ms=now_ms
            )
            task = records.task_of(claimed.record)
            known = task if task in self._broker.actors else ""
            self._broker.refuse(self._queue, order, task=known)
            return
        if message is None:
            self._put_off(claimed, UNKNOWN_TASK_DELAY_MS)
            return
        self._broker.hold(message.delivery)
        self._ready.append(message)

    def _put_off(self, claimed: Claimed, delay_ms: int) -> None:
        order = ReleaseOrder(claimed.job_id, claimed.token, delay_ms)
        self._broker.commit(self._queue, order)

    def _message(self, claimed: Claimed, now_ms: int) -> JobMessage | None:
        record = records.decode(claimed.record)
        if record.task not in self._broker.actors:
            _log.warning("task_unknown", queue=self._queue, task=record.task)
            return None
        delivery = Delivery(
            job_id=claimed.job_id,
            queue=self._queue,
            token=claimed.token,
            worker=self._broker.worker_name,
            record=record,
            policy=self._policy(record),
            attempts_made=claimed.attempts_made,
            attempts_started=claimed.attempts_started,
            stalled_counter=claimed.stalled_counter,
            processed_on=now_ms,
        )
        if claimed.attempts_started == 1:
            waited_s = (now_ms - record.waiting_since) / 1000
            self._broker.tally.waited(self._queue, waited_s)
        if record.task in self._broker.catalogue:
            return deliveries.contract_message(delivery)
        return deliveries.native_message(delivery)

    def _policy(self, record: records.Record) -> Policy:
        plain = record.options == b"{}"
        if plain and (known := self._policies.get(record.task)):
            return known
        contract = self._broker.catalogue.get(record.task)
        defaults = contract.defaults if contract else GENERAL_DEFAULTS
        given = _NO_OPTIONS if plain else StoredOptions.parse(record.options)
        policy = job_options.resolve(given, defaults)
        if plain:
            self._policies[record.task] = policy
        return policy

    def _settle(self, message: JobMessage) -> None:
        order = order_of(message.delivery, message.final_outcome())
        self._broker.settle(message.delivery, order)
