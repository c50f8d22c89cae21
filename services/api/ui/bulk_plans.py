"""Actions on all jobs that fit: first counted, then confirmed, then begun with a delay.

An operation goes through `running` as a dry run, then a second one is `pending` for
UNDO_MS, in which it can be taken back, and then it runs.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec

from services.api.stores.operations import Operation
from shared import ids, logging
from shared.errors import BrokerError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.bulk_actions import BulkActions
    from services.api.schemas import JobFilter
    from services.api.stores.operations import OperationStore
    from shared.broker.inspector import Inspector

#: For how long a confirmed action can be taken back, in milliseconds.
UNDO_MS = 10_000
#: What can be done to jobs of each state: the action and what people call it.
OFFERED: Mapping[JobState, Mapping[str, str]] = {
    JobState.WAITING: {"cancel": "Cancel", "drain": "Remove"},
    JobState.DELAYED: {"promote": "Run now", "cancel": "Cancel", "drain": "Remove"},
    JobState.ACTIVE: {"cancel": "Cancel"},
    JobState.COMPLETED: {"retry": "Run again", "clean": "Remove"},
    JobState.FAILED: {"retry": "Retry", "clean": "Remove"},
    JobState.CANCELLED: {"retry": "Run again", "clean": "Remove"},
}
#: Actions that can't be taken back.
FINAL = frozenset({"cancel", "clean", "drain"})

_log = logging.get(__name__)


class BulkPlans:
    """Counts, begins and takes back."""

    def __init__(
        self, *, store: OperationStore, actions: BulkActions, inspector: Inspector
    ) -> None:
        """Keep operations in `store` and let `actions` carry them out."""
        self._store = store
        self._actions = actions
        self._inspector = inspector
        self._lock = threading.Lock()
        self._timers: dict[str, threading.Timer] = {}
        self._is_stopped = False

    def count(self, queue: str, action: str, wanted: JobFilter) -> Operation:
        """Begin to count the jobs that fit; without a filter that is known at once."""
        counts = self._inspector.counts(queue)
        total = sum(counts[state] for state in wanted.states or ())
        now_ms = self._store.now_ms()
        operation = Operation(
            id=ids.new_id(),
            queue=queue,
            action=action,
            filter=msgspec.Raw(wanted.dump()),
            dry_run=True,
            created=now_ms,
            total=total,
        )
        if not wanted.model_dump(exclude={"states"}, exclude_none=True):
            operation = msgspec.structs.replace(
                operation,
                state="done",
                finished=now_ms,
                matched=total,
                looked_at=total,
                place=None,
            )
        self._store.add(operation)
        if operation.runs:
            self._actions.submit(operation.id)
        return operation

    def confirm(self, counted: Operation) -> Operation:
        """Plan what was counted: it begins after UNDO_MS, unless it is taken back."""
        operation = Operation(
            id=ids.new_id(),
            queue=counted.queue,
            action=counted.action,
            filter=counted.filter,
            dry_run=False,
            created=self._store.now_ms(),
            total=counted.total,
            state="pending",
        )
        self._store.add(operation)
        self._wait(operation.id, UNDO_MS)
        return operation

    def take_back(self, operation: Operation) -> None:
        """Let an operation that has not begun never begin; one that runs stops."""
        with self._lock:
            timer = self._timers.pop(operation.id, None)
        if timer is not None:
            timer.cancel()
        # Another process may begin it right now: it sees this flag.
        self._store.ask_to_stop(operation.id)
        if operation.state == "pending":
            now_ms = self._store.now_ms()
            stopped = msgspec.structs.replace(
                operation, state="stopped", finished=now_ms
            )
            self._store.save(stopped)
        elif operation.runs:
            self._actions.submit(operation.id)

    def look_after(self, operation: Operation) -> None:
        """Go on with an operation whose process may be gone; every look does this."""
        if operation.runs:
            self._actions.submit(operation.id)
        elif operation.state == "pending":
            left_ms = operation.created + UNDO_MS - self._store.now_ms()
            self._wait(operation.id, max(left_ms, 0))

    def stop(self) -> None:
        """End the timers; what is pending begins with the next look at it."""
        with self._lock:
            self._is_stopped = True
            timers = list(self._timers.values())
            self._timers.clear()
        for timer in timers:
            timer.cancel()

    def _wait(self, operation_id: str, delay_ms: int) -> None:
        with self._lock:
            if self._is_stopped or operation_id in self._timers:
                return
            timer = threading.Timer(delay_ms / 1000, self._begin, [operation_id])
            timer.daemon = True
            self._timers[operation_id] = timer
            timer.start()

    def _begin(self, operation_id: str) -> None:
        with self._lock:
            self._timers.pop(operation_id, None)
        try:
            self._run(operation_id)
        except BrokerError as error:
            _log.warning("bulk_action_not_begun", reason=str(error))

    def _run(self, operation_id: str) -> None:
        operation = self._store.find(operation_id)
        if operation is None or operation.state != "pending":
            return
        running = msgspec.structs.replace(operation, state="running")
        if self._store.save(running):
            now_ms = self._store.now_ms()
            stopped = msgspec.structs.replace(
                operation, state="stopped", finished=now_ms
            )
            self._store.save(stopped)
            return
        self._actions.submit(operation_id)
