"""Starts the sandbox with the worker, so that the first picture need not wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dramatiq import Middleware

from services.worker import sandbox

if TYPE_CHECKING:
    from dramatiq import Broker, Worker


class WarmSandbox(Middleware):
    """Only after Dramatiq's fork: a zygote belongs to the process that starts it."""

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Start the zygote."""
        del broker, worker
        sandbox.SHARED.warm()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """End it."""
        del broker, worker
        sandbox.SHARED.close()
