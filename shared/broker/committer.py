"""Group commit: outcomes of many threads travel to Redis in one round trip.

While one batch is on its way the next one gathers; an idle line waits for nobody. Until
a batch is confirmed its jobs stay leased, so an outage only delays it. Of a Cluster,
one server may be away: then only the outcomes of its queues wait.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from itertools import chain
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from shared import clock, logging
from shared.broker.orders import (
    Completion,
    FailureOrder,
    Order,
    ReleaseOrder,
    RetryOrder,
    StopOrder,
)
from shared.broker.scripts import LOST
from shared.errors import BrokerError, RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.broker.scripts import Scripts

MAX_BATCH = 128
#: Wait before orders are sent again after an outage, in milliseconds.
RETRY_PAUSE_MS = 500.0

_log = logging.get(__name__)


class _Entry(NamedTuple):
    queue: str
    order: Order


class Committer:
    """Sends orders from a thread of its own."""

    def __init__(
        self,
        scripts_of: Callable[[str], Scripts],
        *,
        on_settled: Callable[[str, Order, int], None],
    ) -> None:
        """Prepare; `on_settled` gets queue, order and the script's answer."""
        self._scripts_of = scripts_of
        self._on_settled = on_settled
        self._entries: SimpleQueue[_Entry | None] = SimpleQueue()
        #: What has to wait for its server, by queue.
        self._held: defaultdict[str, list[_Entry]] = defaultdict(list)
        self._retry_at_ms = 0.0
        self._unsettled = 0
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, queue: str, order: Order) -> None:
        """Hand in an order and go on."""
        with self._lock:
            self._unsettled += 1
        self._entries.put(_Entry(queue, order))

    def flush(self, *, timeout_s: float) -> bool:
        """Wait until every order is settled; return whether that was so in time."""
        with self._settled:
            return self._settled.wait_for(
                lambda: self._unsettled == 0, timeout=timeout_s
            )

    def stop(self, *, timeout_s: float) -> None:
        """Settle what can be settled in time, then end the thread."""
        if not self.flush(timeout_s=timeout_s):
            _log.warning("outcomes_not_committed", count=self._unsettled)
        self._stopping.set()
        self._entries.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            groups: defaultdict[tuple[str, type[Order]], list[_Entry]]
            groups = defaultdict(list)
            for entry in batch:
                groups[entry.queue, type(entry.order)].append(entry)
            settled = 0
            for (queue, kind), entries in groups.items():
                for start in range(0, len(entries), MAX_BATCH):
                    part = entries[start : start + MAX_BATCH]
                    if self._commit(queue, kind, [entry.order for entry in part]):
                        settled += len(part)
                    else:
                        self._held[queue] += part
                        self._retry_at_ms = clock.monotonic_ms() + RETRY_PAUSE_MS
            with self._settled:
                self._unsettled -= settled
                self._settled.notify_all()
            if self._stopping.is_set():
                return

    def _next_batch(self) -> list[_Entry] | None:
        """Return what can be sent now, None at the end."""
        batch = self._arrivals()
        if batch is None or not self._held:
            return batch
        if clock.monotonic_ms() >= self._retry_at_ms:
            held, self._held = self._held, defaultdict(list)
            return [*chain.from_iterable(held.values()), *batch]
        # The others' servers may be well: in a Cluster, each queue has one of its own.
        for entry in batch:
            if entry.queue in self._held:
                self._held[entry.queue].append(entry)
        return [entry for entry in batch if entry.queue not in self._held]

    def _arrivals(self) -> list[_Entry] | None:
        """Return what came in, waiting for it as long as nothing else is to be done."""
        batch: list[_Entry] = []
        pause_s = None
        if self._held:
            pause_s = max(0.0, self._retry_at_ms - clock.monotonic_ms()) / 1000
        try:
            entry = self._entries.get(timeout=pause_s)
            while entry is not None:
                batch.append(entry)
                if len(batch) == MAX_BATCH:
                    return batch
                entry = self._entries.get_nowait()
        except Empty:
            return batch
        return batch or None

    def _commit(self, queue: str, kind: type[Order], orders: list[Order]) -> bool:
        """Send orders; False when they have to wait for their server."""
        try:
            answers = _send(self._scripts_of(queue), kind, orders)
        except RedisUnavailableError as error:
            _log.warning("commit_delayed", queue=queue, reason=str(error))
            return False
        except BrokerError:
            # Redis refuses the script itself: the leases run out and the jobs are
            # taken back by whoever looks for lost workers.
            _log.exception("commit_refused", queue=queue)
            answers = [LOST] * len(orders)
        self._report(queue, orders, answers)
        return True

    def _report(self, queue: str, orders: list[Order], answers: list[int]) -> None:
        for order, answer in zip(orders, answers, strict=True):
            self._on_settled(queue, order, answer)


def _send(scripts: Scripts, kind: type[Order], orders: list[Order]) -> list[int]:
    send: Callable[[list[Order]], list[int]] = {
        Completion: scripts.complete,
        RetryOrder: scripts.retry,
        FailureOrder: scripts.fail,
        ReleaseOrder: scripts.release,
        StopOrder: scripts.stop,
    }[kind]  # type: ignore[assignment]  # the key picks the method that fits
    return send(orders)
