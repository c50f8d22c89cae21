"""Health and metrics of the worker process over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dramatiq import Middleware

from shared.errors import BrokerError
from shared.health import HealthServer

if TYPE_CHECKING:
    from dramatiq import Broker, Worker

    from services.worker.settings import WorkerSettings
    from shared.broker.broker import NightshiftBroker


class HealthPort(Middleware):
    """Answers probes from the first moment of the worker to its last."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Listen where the settings say; port 0 listens nowhere."""
        self._settings = settings
        self._server: HealthServer | None = None

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Open the port."""
        if self._settings.nightshift_health_port == 0:
            return
        self._server = HealthServer(
            self._settings.nightshift_health_host,
            self._settings.nightshift_health_port,
            ready=lambda: _why_not_ready(cast("NightshiftBroker", broker)),
            live=lambda: _why_not_alive(worker),
        )
        self._server.start()

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Close the port."""
        del broker, worker
        if self._server is not None:
            self._server.stop()


def _why_not_ready(broker: NightshiftBroker) -> str | None:
    if broker.is_draining:
        return "The worker is shutting down."
    try:
        broker.ping()
    except BrokerError as error:
        return str(error)
    return None


def _why_not_alive(worker: Worker) -> str | None:
    dead = [
        thread.name
        for thread in (*worker.workers, *worker.consumers.values())
        if not thread.is_alive()
    ]
    return f"Threads have died: {', '.join(dead)}." if dead else None
