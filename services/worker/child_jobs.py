"""Jobs that jobs create."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shared import tracing
from shared.broker.producer import Producer, Request
from shared.contracts import catalogue
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    import redis

    from shared.contracts.catalogue import Catalogue
    from shared.contracts.model import Model


class ChildJobs:
    """Puts the children of jobs into their queues."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._producer = Producer(client, namespace=namespace)

    def create(self, name: str, data: Model, *, job_id: str, delay_ms: int) -> bool:
        """Create a job of the task `name`; False when `job_id` exists already.

        Raises:
            UnknownTaskError: When there is no such task.
            InvalidDataError: When the data does not fit its contract.
            BrokerError: When Redis can't take the job.
        """
        contract = self._catalogue.find(name)
        document = data.dump()
        contract.data.parse(document, pointer="/data")
        enqueued = self._producer.enqueue(
            Request(
                queue=contract.queue,
                name=contract.name,
                data=document,
                options=JobOptions(delay=delay_ms or None, job_id=job_id).with_trace(
                    tracing.current()
                ),
                defaults=contract.defaults,
            )
        )
        return enqueued.created

    @cached_property
    def _catalogue(self) -> Catalogue:
        return catalogue.load()
