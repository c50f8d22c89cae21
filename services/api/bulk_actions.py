"""Carries bulk actions out, one batch after the other, in a thread of its own."""

from __future__ import annotations

import queue as queues
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from services.api.job_filter import Sieve
from services.api.schemas import JobFilter
from shared import ids, logging
from shared.broker.operator import Answer
from shared.errors import BrokerError, NightshiftError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.api.stores.operations import Operation, OperationStore
    from shared.broker.inspector import Inspector
    from shared.broker.operator import Operator
    from shared.contracts.catalogue import Catalogue
    from shared.jobs.job import Job

    Act = Callable[[Operator, str, Sequence[str]], dict[str, Answer]]

_BATCH = 100
#: Jobs of a batch with a pace; as many wait for the next one.
_FEWEST = 10
#: Pause after Redis did not answer, and how often in a row that may happen.
_RETRY_S, _RETRIES = 1.0, 30

_log = logging.get(__name__)


@dataclass(frozen=True)
class Action:
    """One thing that can be done to many jobs.

    Attributes:
        states: The states that are meant when the filter names none.
        possible: The states that the filter may name.
        act: Does it.
    """

    states: tuple[JobState, ...]
    possible: frozenset[JobState]
    act: Act


_S = JobState
_ENDED = (_S.COMPLETED, _S.FAILED, _S.CANCELLED)
ACTIONS: Mapping[str, Action] = {
    "retry": Action(
        (_S.FAILED,), frozenset(_ENDED), lambda o, queue, batch: o.rerun(queue, batch)
    ),
    "cancel": Action(
        (_S.WAITING, _S.DELAYED),
        frozenset({_S.WAITING, _S.DELAYED, _S.ACTIVE}),
        lambda o, queue, batch: o.cancel(queue, batch),
    ),
    "promote": Action(
        (_S.DELAYED,),
        frozenset({_S.DELAYED}),
        lambda o, queue, batch: o.promote(queue, batch),
    ),
    "clean": Action(
        _ENDED, frozenset(_ENDED), lambda o, queue, batch: o.remove(queue, batch)
    ),
    "drain": Action(
        (_S.WAITING,),
        frozenset({_S.WAITING, _S.DELAYED}),
        lambda o, queue, batch: o.remove(queue, batch),
    ),
}


class BulkActions:
    """A thread that starts with the first operation and carries out one at a time.

    Progress is kept after each batch. When the process is killed, the next look at
    the operation, by whatever process, lets that one go on.
    """

    def __init__(
        self,
        *,
        store: OperationStore,
        inspector: Inspector,
        operator: Operator,
        catalogue: Catalogue,
    ) -> None:
        """Work with these; nothing is started yet."""
        self._store = store
        self._inspector = inspector
        self._operator = operator
        self._catalogue = catalogue
        self._holder = ids.new_id()
        self._line: queues.SimpleQueue[str | None] = queues.SimpleQueue()
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def submit(self, operation_id: str) -> None:
        """Carry an operation out soon, unless that is under way."""
        with self._lock:
            if operation_id in self._known or self._stopping.is_set():
                return
            self._known.add(operation_id)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="bulk-actions", daemon=True
                )
                self._thread.start()
        self._line.put(operation_id)

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Stop after the present batch; another process may go on."""
        self._stopping.set()
        with self._lock:
            timers = list(self._timers.values())
        for timer in timers:
            timer.cancel()
        self._line.put(None)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (operation_id := self._line.get()) is not None:
            if self._stopping.is_set():
                return
            try:
                self._carry_out(operation_id)
            except Exception:  # noqa: BLE001 - the top of a thread
                _log.exception("bulk_action_broke", operation=operation_id)
            with self._lock:
                self._known.discard(operation_id)

    def _carry_out(self, operation_id: str) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                if self._advance(operation_id):
                    return
                failures = 0
            except BrokerError as error:
                failures += 1
                if failures > _RETRIES:
                    raise
                _log.warning("bulk_action_interrupted", reason=str(error))
                self._stopping.wait(_RETRY_S)
        self._store.release(operation_id, self._holder)

    def _advance(self, operation_id: str) -> bool:
        """Do one batch; True means that there is nothing more to do here."""
        operation = self._store.find(operation_id)
        if operation is None or not operation.runs:
            return True
        if self._is_put_off(operation):
            return True
        if not self._store.lease(operation_id, self._holder):
            return True
        try:
            changed = self._batch(operation)
        except (NightshiftError, ValueError) as error:
            if isinstance(error, BrokerError):
                raise
            changed = msgspec.structs.replace(
                operation, state="failed", error=str(error)
            )
        if changed.state != "running":
            changed = msgspec.structs.replace(changed, finished=self._store.now_ms())
        is_to_stop = self._store.save(changed)
        if is_to_stop and changed.runs:
            self._store.save(
                msgspec.structs.replace(
                    changed, state="stopped", finished=self._store.now_ms()
                )
            )
        if is_to_stop or not changed.runs or changed.due > operation.due:
            self._store.release(operation_id, self._holder)
            self._is_put_off(changed)
            return True
        return False

    def _due(self, operation: Operation, changed: int) -> int:
        """Return when an operation with a pace goes on after so many jobs."""
        if not operation.per_second or not changed or operation.dry_run:
            return operation.due
        return self._store.now_ms() + 1000 * changed // operation.per_second

    def _is_put_off(self, operation: Operation) -> bool:
        """Whether an operation waits for its pace; then it comes back by itself.

        It does not hold up the others meanwhile.
        """
        wait_ms = operation.due - self._store.now_ms()
        if not operation.runs or wait_ms <= 0 or self._store.is_to_stop(operation.id):
            return False
        with self._lock:
            if operation.id not in self._timers and not self._stopping.is_set():
                timer = threading.Timer(wait_ms / 1000, self._resume, [operation.id])
                timer.daemon = True
                self._timers[operation.id] = timer
                timer.start()
        return True

    def _resume(self, operation_id: str) -> None:
        with self._lock:
            self._timers.pop(operation_id, None)
            # The thread may not have put it aside yet; twice in the line is harmless.
            self._known.discard(operation_id)
        self.submit(operation_id)

    def _batch(self, operation: Operation) -> Operation:
        action = ACTIONS[operation.action]
        wanted = JobFilter.parse(bytes(operation.filter))
        states = wanted.states or action.states
        at, cursor = operation.place or (0, "")
        limit = min(_BATCH, max(operation.per_second or _BATCH, _FEWEST))
        page = self._inspector.page(
            operation.queue, states[at], cursor=cursor, limit=limit
        )
        sieve = Sieve(wanted, self._catalogue)
        fit = [j.id for j in page.jobs if _was_there(j, operation) and sieve.keeps(j)]
        if operation.limit is not None:
            fit = fit[: operation.limit - operation.matched]
        answers = {}
        if fit and not operation.dry_run:
            answers = action.act(self._operator, operation.queue, fit)
        done = sum(a in {Answer.DONE, Answer.PENDING} for a in answers.values())
        place = _next(at, page.next_cursor, len(states))
        matched = operation.matched + len(fit)
        is_full = operation.limit is not None and matched >= operation.limit
        return msgspec.structs.replace(
            operation,
            looked_at=operation.looked_at + len(page.jobs),
            matched=matched,
            changed=operation.changed + done,
            skipped=operation.skipped + len(answers) - done,
            place=place,
            state="done" if place is None or is_full else "running",
            due=self._due(operation, len(fit)),
        )


def _was_there(job: Job, operation: Operation) -> bool:
    # A job that is run again and fails again comes back behind the cursor: without
    # this, the operation would never end.
    return (job.finished_on or job.timestamp) <= operation.created


def _next(at: int, cursor: str | None, states: int) -> tuple[int, str] | None:
    if cursor is not None:
        return at, cursor
    return (at + 1, "") if at + 1 < states else None
