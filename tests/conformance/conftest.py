from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import dramatiq
import pytest
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import (
    AgeLimit,
    Callbacks,
    CurrentMessage,
    GroupCallbacks,
    Pipelines,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)
from dramatiq.rate_limits.backends import StubBackend as StubLimits
from dramatiq.results import Results
from dramatiq.results.backends import StubBackend as StubResults

from services.worker.middleware.backoff_retries import BackoffRetries
from services.worker.middleware.graceful_drain import GracefulDrain
from services.worker.middleware.run_tracking import RunTracking
from shared.broker.broker import NightshiftBroker
from shared.broker.connection import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from dramatiq import Broker, Middleware, Worker

    WorkerStarter = Callable[..., AbstractContextManager[Worker]]


def middleware(retries: Middleware, *others: Middleware) -> list[Middleware]:
    """Return Dramatiq's middleware as a team would choose it."""
    return [
        *others,
        AgeLimit(),
        TimeLimit(interval=20),
        ShutdownNotifications(notify_shutdown=True),
        Callbacks(),
        Pipelines(),
        GroupCallbacks(StubLimits()),
        CurrentMessage(),
        Results(backend=StubResults()),
        retries,
    ]


@pytest.fixture(params=["stub", "nightshift"])
def broker(
    request: pytest.FixtureRequest, redis_url: str, namespace: str
) -> Iterator[Broker]:
    """Dramatiq's own broker for tests, and ours: both must behave the same."""
    with connect(redis_url) as client:
        if request.param == "stub":
            broker: Broker = StubBroker(middleware=middleware(Retries()))
        else:
            broker = NightshiftBroker(
                client,
                namespace=namespace,
                catalogue={},
                middleware=middleware(
                    BackoffRetries(), RunTracking(), GracefulDrain(grace_s=5)
                ),
            )
        # What the command line sends; TimeLimit starts its thread on it.
        broker.emit_after("process_boot")
        # Pipelines, groups and results ask for it.
        dramatiq.set_broker(broker)
        yield broker
        dramatiq.broker.global_broker = None


@pytest.fixture
def running(broker: Broker) -> WorkerStarter:
    """Start a worker on the broker, which stops when the block ends."""

    @contextmanager
    def start(*, threads: int = 4) -> Iterator[Worker]:
        worker = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=50)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(timeout=10_000)
            broker.close()

    return start
