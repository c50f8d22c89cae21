"""The gauges of the queues, read from Redis when somebody scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import logging
from shared.errors import BrokerError
from shared.metrics import QUEUE_DEPTH, QUEUE_OLDEST_SECONDS

if TYPE_CHECKING:
    from shared.broker.inspector import Inspector
    from shared.contracts.catalogue import Catalogue

_log = logging.get(__name__)


class QueueGauges:
    """Brings the gauges up to date; every api replica reports the same numbers."""

    def __init__(self, inspector: Inspector, catalogue: Catalogue) -> None:
        """Read through `inspector`, the queues of `catalogue` only."""
        self._inspector = inspector
        # A fixed list: whatever callers send, it makes no new series.
        self._queues = catalogue.queues()

    def refresh(self) -> None:
        """Set all gauges; without Redis there are none, an old number would lie."""
        try:
            for queue in self._queues:
                self._read(queue)
        except BrokerError as error:
            QUEUE_DEPTH.clear()
            QUEUE_OLDEST_SECONDS.clear()
            _log.warning("queue_gauges_unavailable", reason=str(error))

    def _read(self, queue: str) -> None:
        stats = self._inspector.stats(queue)
        for state, count in stats.counts.items():
            QUEUE_DEPTH.labels(queue, state.value).set(count)
        QUEUE_OLDEST_SECONDS.labels(queue).set(stats.oldest_waiting_ms / 1000)
