"""Sends a running job's progress and log lines to Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import logging
from shared.broker.scripts import LOST
from shared.errors import BrokerError

if TYPE_CHECKING:
    from shared.broker.broker import NightshiftBroker
    from shared.broker.delivery import Delivery

_log = logging.get(__name__)


class LeaseReporter:
    """Reports under a lease; a report that Redis misses never fails the job."""

    def __init__(self, broker: NightshiftBroker, delivery: Delivery) -> None:
        """Report for `delivery`."""
        self._broker = broker
        self._delivery = delivery
        self._scripts = broker.scripts_of(delivery.queue)

    @property
    def is_cancelled(self) -> bool:
        """Whether the job was cancelled, or another worker has taken it over."""
        return self._delivery.is_unwanted

    def progress(self, progress: bytes) -> None:
        """Record the progress, JSON text, and prolong the lease."""
        job = self._delivery
        try:
            answer = self._scripts.progress(
                job.job_id, job.token, lease_ms=self._broker.lease_ms, progress=progress
            )
        except BrokerError as error:
            _log.warning("progress_not_recorded", reason=str(error))
        else:
            self._note(answer)

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Append lines to the job's log, once per operation id."""
        job = self._delivery
        try:
            answer = self._scripts.add_log(
                job.job_id, job.token, operation=operation, lines=lines
            )
        except BrokerError as error:
            _log.warning("log_not_recorded", reason=str(error))
        else:
            self._note(answer)

    def _note(self, answer: int) -> None:
        if answer == LOST:
            self._delivery.is_lost = True
