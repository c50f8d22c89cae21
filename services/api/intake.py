"""From a request's body to a job in its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from services.api.errors import TaskNotInQueueError
from services.api.request_body import read_json
from services.api.schemas import JobRequest
from shared.broker.producer import Request as EnqueueRequest
from shared.errors import InvalidDataError, Problem
from shared.jobs import options as job_options
from shared.jobs.job import Job
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from shared.metrics import JOBS_ENQUEUED

if TYPE_CHECKING:
    from typing import Any, TypeVar

    from flask import Request

    from shared.broker.inspector import Inspector
    from shared.broker.producer import Enqueued, Producer
    from shared.contracts.catalogue import AnyContract, Catalogue
    from shared.contracts.model import Model

    M = TypeVar("M", bound=Model)

#: Ids that are words of the API's addresses.
RESERVED_IDS = frozenset({"stats"})


@dataclass(frozen=True)
class Accepted:
    """A job that is in its queue.

    Attributes:
        job: Its record.
        is_new: Whether this request created it.
    """

    job: Job
    is_new: bool


@dataclass(frozen=True, kw_only=True)
class Intake:
    """Checks what callers ask for and puts it into queues.

    Attributes:
        catalogue: The tasks that exist.
        producer: Creates jobs.
        inspector: Reads a job that existed before.
        max_body_bytes: Largest body.
    """

    catalogue: Catalogue
    producer: Producer
    inspector: Inspector
    max_body_bytes: int

    def take(self, request: Request, queue: str) -> Accepted:
        """Create the job that the body asks for; nothing is created on an error.

        Raises:
            RequestError: The body can't be read.
            UnknownTaskError: The queue has no such task.
            InvalidDataError: The body, the data or the options break their model.
            RedisUnavailableError: Redis does not answer.
            RedisFullError: Redis has no room.
        """
        body = read_json(request, limit=self.max_body_bytes)
        wish = JobRequest.parse(body)
        contract = self._contract(queue, wish.name)
        problems: list[Problem] = []
        data = _parsed(contract.data, wish.data, "/data", problems)
        options = _parsed(JobOptions, wish.opts, "/opts", problems)
        if options is not None and options.job_id in RESERVED_IDS:
            problems.append(Problem("/opts/jobId", "is a reserved word"))
        if data is None or options is None or problems:
            raise InvalidDataError(tuple(problems))
        return self.add(contract, data, options)

    def add(
        self, contract: AnyContract, data: Model, options: JobOptions | None = None
    ) -> Accepted:
        """Create a job from what is already checked."""
        wish = EnqueueRequest(
            queue=contract.queue,
            name=contract.name,
            data=data.dump(),
            options=options or JobOptions(),
            defaults=contract.defaults,
        )
        enqueued = self.producer.enqueue(wish)
        if enqueued.created:
            JOBS_ENQUEUED.labels(contract.queue, contract.name).inc()
            return Accepted(_record(wish, enqueued), is_new=True)
        existing = self.inspector.job(contract.queue, enqueued.job_id)
        # It may have been removed since; then what we know of it is shown.
        return Accepted(existing or _record(wish, enqueued), is_new=False)

    def _contract(self, queue: str, name: str) -> AnyContract:
        contract = self.catalogue.get(name)
        if contract is None or contract.queue != queue:
            known = sorted(c.name for c in self.catalogue.values() if c.queue == queue)
            raise TaskNotInQueueError(name, queue=queue, known=tuple(known))
        return contract


def _parsed(
    model: type[M], document: dict[str, Any], pointer: str, problems: list[Problem]
) -> M | None:
    """Return the document as its model, or None after adding to `problems`."""
    try:
        return model.parse(msgspec.json.encode(document), pointer=pointer)
    except InvalidDataError as error:
        problems.extend(error.problems)
        return None


def _record(wish: EnqueueRequest, enqueued: Enqueued) -> Job:
    """Return the record of a new job as the next read would."""
    policy = job_options.resolve(wish.options, wish.defaults)
    is_delayed = enqueued.state is JobState.DELAYED
    return Job(
        id=enqueued.job_id,
        queue=wish.queue,
        name=wish.name,
        data=wish.data,
        options=wish.options,
        policy=policy,
        state=enqueued.state,
        timestamp=enqueued.timestamp,
        due=enqueued.timestamp + policy.delay_ms if is_delayed else None,
    )
