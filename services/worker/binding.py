"""Binds each contract to the implementation of the same name, as a Dramatiq actor."""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any, Protocol

from dramatiq import Actor

from services.worker import redaction, tasks
from services.worker.child_jobs import ChildJobs
from services.worker.context import JobContext
from services.worker.memory import RedisMemory
from services.worker.progress import ThrottledReporter
from services.worker.redaction import RedactingReporter, Redaction
from services.worker.reporter import LeaseReporter
from shared.broker.inspector import Inspector
from shared.broker.interrupts import JobCancelled
from shared.broker.operator import Operator
from shared.contracts import catalogue
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.worker.context import Reporter
    from services.worker.settings import WorkerSettings
    from shared.broker.broker import NightshiftBroker
    from shared.broker.delivery import Delivery
    from shared.contracts.catalogue import AnyContract
    from shared.contracts.model import Model
    from shared.storage.storage import Storage


class Implementation(Protocol):
    """The `run` of a task's file."""

    def __call__(self, data: Any, context: JobContext) -> Model:
        """Do the work; raise to fail."""


def implementation_of(module_name: str) -> Implementation:
    """Return the `run` of `services/worker/tasks/<module_name>.py`.

    Raises:
        ConfigurationError: When the file or its `run` is missing.
    """
    where = f"services/worker/tasks/{module_name}.py"
    try:
        module = importlib.import_module(f"{tasks.__name__}.{module_name}")
    except ModuleNotFoundError as error:
        if error.name != f"{tasks.__name__}.{module_name}":
            raise
        message = (
            f"The contract {module_name} has no implementation: {where} is missing."
        )
        raise ConfigurationError(message) from None
    run: Implementation | None = getattr(module, "run", None)
    if run is None:
        message = f"{where} defines no function `run(data, context)`."
        raise ConfigurationError(message)
    return run


class Binder:
    """Declares actors on a broker."""

    def __init__(
        self, broker: NightshiftBroker, *, settings: WorkerSettings, storage: Storage
    ) -> None:
        """Bind to `broker`; tasks get `settings` and `storage`."""
        self._broker = broker
        self._settings = settings
        self._storage = storage
        namespace = broker.namespace
        self._memory = RedisMemory(broker.client, namespace=namespace)
        self._children = ChildJobs(broker.client, namespace=namespace)
        tasks_known = catalogue.load()
        self._inspector = Inspector(
            broker.client, namespace=namespace, catalogue=tasks_known
        )
        self._operator = Operator(
            broker.client, namespace=namespace, catalogue=tasks_known
        )

    def bind_all(self, *, queues: Iterable[str] = ()) -> None:
        """Bind every contract, or those of some queues."""
        wanted = set(queues)
        for module_name in catalogue.module_names():
            contract = catalogue.contract_of(module_name)
            if not wanted or contract.queue in wanted:
                self.bind(contract, implementation_of(module_name))

    def bind(self, contract: AnyContract, run: Implementation) -> None:
        """Declare the actor that runs `run` for the jobs of `contract`."""

        def perform(delivery: Delivery) -> None:
            if delivery.is_unwanted:
                raise JobCancelled
            data = contract.data.parse(delivery.record.data, pointer="/data")
            secrets = Redaction(data, contract.redacted) if contract.redacted else None
            # Whoever ends the attempt needs it for the reason of a failure.
            redaction.current.set(secrets)
            reporter = self._reporter(delivery, secrets)
            try:
                result = run(data, self._context(delivery, reporter))
            finally:
                reporter.close()
            delivery.returnvalue = result.model_dump_json(by_alias=True).encode()

        # Built directly: the decorator refuses names with a hyphen or a dot.
        Actor(
            perform,
            broker=self._broker,
            actor_name=contract.name,
            queue_name=contract.queue,
            priority=0,
            options={},
        )

    def _reporter(
        self, delivery: Delivery, secrets: Redaction | None
    ) -> ThrottledReporter:
        reporter = LeaseReporter(self._broker, delivery)
        return ThrottledReporter(
            RedactingReporter(reporter, secrets) if secrets else reporter
        )

    def _context(self, delivery: Delivery, reporter: Reporter) -> JobContext:
        return JobContext(
            job_id=delivery.job_id,
            queue=delivery.queue,
            name=delivery.record.task,
            attempt=delivery.attempts_made + 1,
            attempts=delivery.policy.attempts,
            created_ms=delivery.record.timestamp,
            deadline=time.monotonic() + delivery.policy.timeout_ms / 1000,
            storage=self._storage,
            settings=self._settings,
            reporter=reporter,
            memory=self._memory,
            children=self._children,
            inspector=self._inspector,
            operator=self._operator,
        )
