"""Wires the worker process together; Dramatiq's command line calls `boot`."""

from __future__ import annotations

import sys

import dramatiq
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, TimeLimit

from services.worker.binding import Binder
from services.worker.current_job import add_job
from services.worker.middleware.backoff_retries import BackoffRetries
from services.worker.middleware.graceful_drain import GracefulDrain
from services.worker.middleware.health_port import HealthPort
from services.worker.middleware.job_statistics import JobStatistics
from services.worker.middleware.job_traces import JobTraces
from services.worker.middleware.run_tracking import RunTracking
from services.worker.middleware.warm_sandbox import WarmSandbox
from services.worker.settings import WorkerSettings
from shared import metrics, observability, settings
from shared.broker import lease_guard
from shared.broker.broker import LEASE_MS, NightshiftBroker
from shared.broker.connection import connect
from shared.broker.job_totals import JobTotals
from shared.broker.lease_guard import LeaseGuard
from shared.contracts import catalogue
from shared.errors import ConfigurationError
from shared.memory_limit import memory_limit_bytes
from shared.storage.opening import open_storage

#: How often running jobs are checked against their limits, in milliseconds.
TIME_LIMIT_CHECK_MS = 250
#: Connections beyond one per thread: consumers, committer, keeper, health.
SPARE_CONNECTIONS = 16


def boot() -> None:
    """Build the broker of this process and make it Dramatiq's.

    Raises:
        SystemExit: With status 2 when a setting or a task file is not usable.
    """
    worker_settings = settings.load(WorkerSettings)
    try:
        observability.begin("worker", worker_settings, context=(add_job,))
        dramatiq.set_broker(build_broker(worker_settings))
    except ConfigurationError as error:
        # Dramatiq's process would show a traceback; the sentence says it all.
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        raise SystemExit(2) from None


def build_broker(worker_settings: WorkerSettings) -> NightshiftBroker:
    """Return a broker with every task bound to it."""
    client = connect(
        worker_settings.redis_url,
        max_connections=worker_settings.nightshift_worker_threads + SPARE_CONNECTIONS,
    )
    guard = LeaseGuard(
        worker_settings.redis_url,
        namespace=worker_settings.nightshift_namespace,
        lease_ms=LEASE_MS,
    )
    broker = NightshiftBroker(
        client,
        namespace=worker_settings.nightshift_namespace,
        guard=guard if lease_guard.is_possible() else None,
        catalogue=catalogue.load(),
        middleware=[
            JobStatistics(
                JobTotals(client, namespace=worker_settings.nightshift_namespace)
            ),
            RunTracking(),
            JobTraces(),
            HealthPort(worker_settings),
            WarmSandbox(),
            GracefulDrain(grace_s=worker_settings.nightshift_grace_s),
            CurrentMessage(),
            TimeLimit(interval=TIME_LIMIT_CHECK_MS),
            Callbacks(),
            Pipelines(),
            BackoffRetries(),
        ],
    )
    metrics.WORKER_MEMORY_LIMIT.set(memory_limit_bytes())
    metrics.watch_storage(worker_settings.nightshift_storage_dir)
    storage = open_storage(worker_settings)
    binder = Binder(broker, settings=worker_settings, storage=storage)
    binder.bind_all(queues=worker_settings.queues)
    return broker
