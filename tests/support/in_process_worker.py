"""A worker inside the test process, with tasks that the test defines."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dramatiq import Worker
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, TimeLimit

from services.worker.binding import Binder
from services.worker.middleware.backoff_retries import BackoffRetries
from services.worker.middleware.graceful_drain import GracefulDrain
from services.worker.middleware.run_tracking import RunTracking
from services.worker.settings import WorkerSettings
from shared.broker.broker import NightshiftBroker
from shared.broker.connection import connect
from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.retry import Backoff
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from services.worker.context import JobContext


class Anything(Model):
    """Data of a test's task."""

    text: str = ""
    number: int = 0


class Answer(Model):
    """Result of a test's task."""

    text: str = ""


def contract(name: str, queue: str = "test", **defaults: Any) -> TaskContract[Any, Any]:
    """Return a contract for a task of a test; it retries at once."""
    defaults.setdefault("backoff", Backoff(type="fixed", delay=10))
    return TaskContract(
        name=name,
        queue=queue,
        summary="",
        data=Anything,
        result=Answer,
        defaults=TaskDefaults(**defaults),
    )


Run = "Callable[[Anything, JobContext], Answer]"


@contextmanager
def built_broker(
    redis_url: str,
    namespace: str,
    folder: Path,
    tasks: dict[TaskContract[Any, Any], Callable[[Anything, JobContext], Answer]],
) -> Iterator[NightshiftBroker]:
    """Build a broker with the tasks bound; close it when the block ends."""
    with connect(redis_url) as client:
        broker = NightshiftBroker(
            client,
            namespace=namespace,
            catalogue={contract.name: contract for contract in tasks},
            middleware=[
                RunTracking(),
                GracefulDrain(grace_s=5),
                CurrentMessage(),
                TimeLimit(interval=20),
                Callbacks(),
                Pipelines(),
                BackoffRetries(),
            ],
        )
        settings = WorkerSettings(redis_url=redis_url)
        storage = Storage(folder, max_bytes=1_000_000)
        binder = Binder(broker, settings=settings, storage=storage)
        for task, run in tasks.items():
            binder.bind(task, run)
        # TimeLimit starts its thread on this signal, which the command line sends.
        broker.emit_after("process_boot")
        yield broker


@contextmanager
def running_worker(broker: NightshiftBroker, *, threads: int = 4) -> Iterator[Worker]:
    """Run Dramatiq's worker on the broker until the block ends."""
    worker = Worker(broker, worker_threads=threads, worker_timeout=100)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(timeout=10_000)
        broker.close()
