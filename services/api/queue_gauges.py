"""The gauges of the queues, read from Redis when somebody scrapes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Self

from shared import logging
from shared.errors import BrokerError
from shared.metrics import (
    QUEUE_DEPTH,
    QUEUE_GROUPED,
    QUEUE_GROUPS_OVER_RATE,
    QUEUE_OLDEST_SECONDS,
    QUEUE_PAUSED,
    REDIS_LATENCY,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client import Gauge

    from shared.broker.inspector import Inspector, QueueStats
    from shared.jobs.states import JobState

_OF_QUEUES = (
    QUEUE_DEPTH,
    QUEUE_GROUPED,
    QUEUE_GROUPS_OVER_RATE,
    QUEUE_OLDEST_SECONDS,
    QUEUE_PAUSED,
)
_GAUGES = (*_OF_QUEUES, REDIS_LATENCY)
_ROLE = "api"

_log = logging.get(__name__)


class QueueGauges:
    """Brings the gauges up to date; every api replica reports the same numbers."""

    def __init__(self, inspector: Inspector, queues: Sequence[str]) -> None:
        """Read through `inspector` what is known of `queues`."""
        self._inspector = inspector
        # A fixed list: whatever callers send, it makes no new series.
        self._queues = tuple(queues)
        #: Series by queue, looked up once: the look-up costs more than the number.
        self._series: dict[str, _Series] = {}

    def refresh(self) -> None:
        """Set all gauges; without Redis there are none, an old number would lie."""
        try:
            began = time.perf_counter()
            self._inspector.ping()
            latency_s = time.perf_counter() - began
            found = self._inspector.stats_of(self._queues)
        except BrokerError as error:
            self._series = {}
            for gauge in _GAUGES:
                gauge.clear()
            _log.warning("queue_gauges_unavailable", reason=str(error))
            return
        REDIS_LATENCY.labels(_ROLE).set(latency_s)
        for queue in self._queues:
            if queue in found:
                self._show(queue, found[queue])
            else:
                self._hide(queue)

    def _show(self, queue: str, stats: QueueStats) -> None:
        series = self._series.get(queue)
        if series is None:
            series = self._series[queue] = _Series.of(queue, stats)
        for state, count in stats.counts.items():
            series.depth[state].set(count)
        series.oldest.set(stats.oldest_waiting_ms / 1000)
        series.paused.set(stats.is_paused)
        series.grouped.set(stats.grouped)
        series.groups_over_rate.set(stats.groups_over_rate)

    def _hide(self, queue: str) -> None:
        self._series.pop(queue, None)
        for gauge in _OF_QUEUES:
            gauge.remove_by_labels({"queue": queue})


class _Series(NamedTuple):
    """The series of one queue."""

    depth: dict[JobState, Gauge]
    oldest: Gauge
    paused: Gauge
    grouped: Gauge
    groups_over_rate: Gauge

    @classmethod
    def of(cls, queue: str, stats: QueueStats) -> Self:
        return cls(
            {state: QUEUE_DEPTH.labels(queue, state.value) for state in stats.counts},
            QUEUE_OLDEST_SECONDS.labels(queue),
            QUEUE_PAUSED.labels(queue),
            QUEUE_GROUPED.labels(queue),
            QUEUE_GROUPS_OVER_RATE.labels(queue),
        )
