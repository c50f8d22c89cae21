"""Puts jobs into queues; every service that creates jobs does it through here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import ids
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys, queues_key
from shared.broker.orders import NewJob
from shared.broker.record import encode_body
from shared.broker.scripts import Enqueued, Scripts
from shared.contracts.contract import GENERAL_DEFAULTS, TaskDefaults
from shared.jobs import options as job_options
from shared.jobs.names import check_job_id, check_queue

if TYPE_CHECKING:
    import redis

    from shared.jobs.options import JobOptions

__all__ = ["Enqueued", "Producer", "Request"]


@dataclass(frozen=True)
class Request:
    """A wish for a job.

    Attributes:
        queue: Where it waits.
        name: Its task.
        data: JSON text, valid by the task's contract.
        options: What the caller says about it.
        defaults: What holds where the caller says nothing.
    """

    queue: str
    name: str
    data: bytes
    options: JobOptions
    defaults: TaskDefaults = GENERAL_DEFAULTS


class Producer:
    """Creates jobs."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._client = client
        self._namespace = namespace
        self._queues: dict[str, Scripts] = {}

    def enqueue(self, request: Request) -> Enqueued:
        """Create one job; a lost reply does not create it twice.

        Raises:
            InvalidNameError: When the queue's, task's or job's name is refused.
            RedisUnavailableError: When Redis did not answer; the job may or may not
                exist, and sending it again with the same `jobId` is safe.
            RedisFullError: When Redis has no memory left; there is no job.
        """
        check_queue(request.name)
        policy = job_options.resolve(request.options, request.defaults)
        own_id = request.options.job_id
        job_id = ids.new_id() if own_id is None else check_job_id(own_id)
        return self._scripts(request.queue).enqueue(
            NewJob(
                job_id=job_id,
                # An id of ours is new by itself and marks its request.
                operation="" if own_id is None else ids.new_id(),
                task=request.name,
                priority=policy.priority,
                delay_ms=policy.delay_ms,
                record=encode_body(request.data, request.options.dump()),
            )
        )

    def _scripts(self, queue: str) -> Scripts:
        scripts = self._queues.get(queue)
        if scripts is None:
            scripts = Scripts(self._client, QueueKeys(self._namespace, queue))
            with translated_errors():
                self._client.sadd(queues_key(self._namespace), queue)
            # Only now: a failed registration is tried again with the next job.
            self._queues[queue] = scripts
        return scripts
