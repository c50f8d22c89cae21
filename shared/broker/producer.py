"""Puts jobs into queues; every service that creates jobs does it through here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared import ids
from shared.broker.connection import translated_errors
from shared.broker.durability import Durability
from shared.broker.keys import QueueKeys, queues_key
from shared.broker.orders import NewJob
from shared.broker.record import encode_body
from shared.broker.scripts import Enqueued, Scripts
from shared.contracts.contract import GENERAL_DEFAULTS, TaskDefaults
from shared.errors import BrokerError, InvalidNameError
from shared.jobs.names import check_job_id, check_queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from shared.jobs.options import JobOptions

__all__ = ["Enqueued", "Producer", "Request"]

#: Jobs that one script creates at most; it runs about five milliseconds.
MAX_BATCH = 125


@dataclass(frozen=True)
class Request:
    """A wish for a job.

    Attributes:
        queue: Where it waits.
        name: Its task.
        data: JSON text, valid by the task's contract.
        options: What the caller says about it.
        defaults: What holds where the caller says nothing.
        operation: Marks the same request when its sender sends it again with the same
            job id, within a minute or two; left out, every request is one of its own.
    """

    queue: str
    name: str
    data: bytes
    options: JobOptions
    defaults: TaskDefaults = GENERAL_DEFAULTS
    operation: str | None = None


class Producer:
    """Creates jobs."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        durability: Durability = Durability.MEMORY,
    ) -> None:
        """Write through `client`, under `namespace`, as safely as `durability` says."""
        self._durability = durability
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
        may_repeat = request.operation is not None
        scripts = self._scripts(request.queue)
        return scripts.enqueue([_new_job(request)], may_repeat=may_repeat)[0]

    def enqueue_many(self, requests: Sequence[Request]) -> list[Enqueued | BrokerError]:
        """Create many jobs, in one round trip per queue and 125 jobs.

        One answer per request, in their order; a request that fails does so alone, but
        for an outage, which fails all that travelled with it.
        """
        answers: dict[int, Enqueued | BrokerError] = {}
        repeatable: set[str] = set()
        by_queue: defaultdict[str, list[tuple[int, NewJob]]] = defaultdict(list)
        for place, request in enumerate(requests):
            try:
                check_queue(request.queue)
                by_queue[request.queue].append((place, _new_job(request)))
                repeatable |= {request.queue} if request.operation else set()
            except InvalidNameError as error:
                answers[place] = error
        for queue, items in by_queue.items():
            for start in range(0, len(items), MAX_BATCH):
                batch = items[start : start + MAX_BATCH]
                answers.update(
                    self._enqueue_batch(queue, batch, may_repeat=queue in repeatable)
                )
        return [answers[place] for place in range(len(requests))]

    def _enqueue_batch(
        self, queue: str, batch: list[tuple[int, NewJob]], *, may_repeat: bool
    ) -> dict[int, Enqueued | BrokerError]:
        places = [place for place, _ in batch]
        try:
            created = self._scripts(queue).enqueue(
                [job for _, job in batch], may_repeat=may_repeat
            )
        except BrokerError as error:
            return dict.fromkeys(places, error)
        return dict(zip(places, created, strict=True))

    def _scripts(self, queue: str) -> Scripts:
        scripts = self._queues.get(queue)
        if scripts is None:
            scripts = Scripts(
                self._client,
                QueueKeys(self._namespace, queue),
                durability=self._durability,
            )
            with translated_errors():
                self._client.sadd(queues_key(self._namespace), queue)
            # Only now: a failed registration is tried again with the next job.
            self._queues[queue] = scripts
        return scripts


def _new_job(request: Request) -> NewJob:
    check_queue(request.name)
    options = request.options
    own_id, dedup = options.job_id, options.deduplication
    operation = request.operation
    if operation is None:
        # An id of ours is new by itself and marks its request.
        operation = "" if own_id is None else ids.new_id()
    return NewJob(
        job_id=ids.new_id() if own_id is None else check_job_id(own_id),
        operation=operation,
        task=request.name,
        priority=options.priority or request.defaults.priority,
        delay_ms=options.delay or 0,
        record=encode_body(
            request.data, options.dump() if options.model_fields_set else b"{}"
        ),
        expires_in_ms=options.expires_in or "",
        group=options.group or "",
        deduplication=dedup.id if dedup else "",
        deduplication_mode=dedup.mode() if dedup else "",
        callback=options.callback.wish() if options.callback else "",
    )
