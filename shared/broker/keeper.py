"""Keeps this process's leases alive and takes back those of lost workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from shared import clock, logging, metrics
from shared.contracts.contract import GENERAL_DEFAULTS
from shared.errors import BrokerError

if TYPE_CHECKING:
    from shared.broker.broker import NightshiftBroker

RENEW_EVERY_MS = 3_000.0
SWEEP_EVERY_MS = 1_500.0
#: A lease that misses two renewals becomes suspect, ahead of its expiry.
SUSPECT_BEFORE_EXPIRY_MS = 4_000
#: A living worker has this long to renew after Redis itself was away.
SUSPECT_FOR_MS = 2_000
#: A job survives this many lost workers; the next one makes it poison.
MAX_STALLED = 2
_TICK_S = 0.5

_log = logging.get(__name__)


class LeaseKeeper:
    """Renews and sweeps from a thread of its own."""

    def __init__(self, broker: NightshiftBroker) -> None:
        """Keep the leases of `broker`."""
        self._broker = broker
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="lease-keeper", daemon=True
        )
        self._renewed_at_ms = self._swept_at_ms = clock.monotonic_ms()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_TICK_S):
            now_ms = clock.monotonic_ms()
            try:
                # Renewing comes first: after an outage it must beat every sweep.
                if now_ms - self._renewed_at_ms >= RENEW_EVERY_MS:
                    self._renew()
                    self._renewed_at_ms = now_ms
                if now_ms - self._swept_at_ms >= SWEEP_EVERY_MS:
                    self._sweep()
                    self._swept_at_ms = now_ms
            except BrokerError as error:
                # Due again at the next tick.
                _log.warning("lease_keeping_failed", reason=str(error))
            except Exception:  # noqa: BLE001 - leases need this thread alive
                _log.exception("lease_keeping_failed")

    def _renew(self) -> None:
        for queue, held in self._broker.leases_by_queue().items():
            lost = self._broker.scripts_of(queue).renew(
                [(d.job_id, d.token) for d in held], lease_ms=self._broker.lease_ms
            )
            for delivery in held:
                if delivery.job_id in lost and not delivery.is_lost:
                    delivery.is_lost = True
                    metrics.LEASES_LOST.labels(queue).inc()
                    _log.warning("lease_lost", queue=queue, job_id=delivery.job_id)

    def _sweep(self) -> None:
        for queue in self._broker.consumed_queues():
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
