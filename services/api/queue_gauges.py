"""The gauges of the queues, read from Redis when somebody scrapes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared import logging
from shared.errors import BrokerError
from shared.metrics import (
    QUEUE_DEPTH,
    QUEUE_OLDEST_SECONDS,
    QUEUE_PAUSED,
    REDIS_LATENCY,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.broker.inspector import Inspector, QueueStats

_GAUGES = (QUEUE_DEPTH, QUEUE_OLDEST_SECONDS, QUEUE_PAUSED, REDIS_LATENCY)
_ROLE = "api"

_log = logging.get(__name__)


class QueueGauges:
    """Brings the gauges up to date; every api replica reports the same numbers."""

    def __init__(self, inspector: Inspector, queues: Sequence[str]) -> None:
        """Read through `inspector` what is known of `queues`."""
        self._inspector = inspector
        # A fixed list: whatever callers send, it makes no new series.
        self._queues = tuple(queues)

    def refresh(self) -> None:
        """Set all gauges; without Redis there are none, an old number would lie."""
        try:
            began = time.perf_counter()
            self._inspector.ping()
            latency_s = time.perf_counter() - began
            found = self._inspector.stats_of(self._queues)
        except BrokerError as error:
            for gauge in _GAUGES:
                gauge.clear()
            _log.warning("queue_gauges_unavailable", reason=str(error))
            return
        REDIS_LATENCY.labels(_ROLE).set(latency_s)
        for queue in self._queues:
            if queue in found:
                _show(queue, found[queue])
            else:
                _hide(queue)


def _show(queue: str, stats: QueueStats) -> None:
    for state, count in stats.counts.items():
        QUEUE_DEPTH.labels(queue, state.value).set(count)
    QUEUE_OLDEST_SECONDS.labels(queue).set(stats.oldest_waiting_ms / 1000)
    QUEUE_PAUSED.labels(queue).set(stats.is_paused)


def _hide(queue: str) -> None:
    for gauge in (QUEUE_DEPTH, QUEUE_OLDEST_SECONDS, QUEUE_PAUSED):
        gauge.remove_by_labels({"queue": queue})
