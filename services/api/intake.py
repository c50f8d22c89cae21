"""From a request's body to a job in its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from services.api.errors import TaskNotInQueueError
from services.api.id_converter import RESERVED_IDS
from services.api.schemas import JobRequest
from shared import tracing
from shared.broker.producer import Request as EnqueueRequest
from shared.errors import InvalidDataError, NightshiftError, Problem
from shared.jobs import options as job_options
from shared.jobs.job import Job
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from shared.metrics import IDEMPOTENT_REPLAYS, JOBS_ENQUEUED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeVar

    from services.api.enqueue_line import EnqueueLine
    from shared.broker.inspector import Inspector
    from shared.broker.producer import Enqueued, Producer
    from shared.contracts.catalogue import AnyContract, Catalogue
    from shared.contracts.model import Model

    M = TypeVar("M", bound=Model)


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
        producer: Creates many jobs.
        line: Creates one job, together with those of other requests.
        inspector: Reads a job that existed before.
    """

    catalogue: Catalogue
    producer: Producer
    line: EnqueueLine
    inspector: Inspector

    def take(self, body: bytes, queue: str, *, seed: str | None = None) -> Accepted:
        """Create the job that a body asks for; nothing is created on an error.

        Args:
            body: Strict JSON.
            queue: The queue.
            seed: Makes the same request the same job, however often it comes.

        Raises:
            UnknownTaskError: The queue has no such task.
            InvalidDataError: The body, the data or the options break their model.
            RedisUnavailableError: Redis does not answer.
            RedisFullError: Redis has no room.
        """
        with tracing.span(f"enqueue {queue}", tracing.Kind.PRODUCER) as span:
            wish = self._checked(JobRequest.parse(body), queue, seed)
            accepted = self._accepted(wish, self.line.enqueue(wish))
            span.note(job_id=accepted.job.id, task=wish.name)
        return accepted

    def take_many(
        self, jobs: Sequence[JobRequest], queue: str, *, seed: str | None = None
    ) -> list[Accepted | NightshiftError]:
        """Create many jobs; return one result for each, in their order."""
        with tracing.span(f"enqueue {queue}", tracing.Kind.PRODUCER) as span:
            span.note(jobs=len(jobs))
            return self._take_many(jobs, queue, seed)

    def _take_many(
        self, jobs: Sequence[JobRequest], queue: str, seed: str | None
    ) -> list[Accepted | NightshiftError]:
        results: dict[int, Accepted | NightshiftError] = {}
        wishes: dict[int, EnqueueRequest] = {}
        for index, job in enumerate(jobs):
            own_seed = None if seed is None else f"{seed}.{index}"
            try:
                wishes[index] = self._checked(job, queue, own_seed)
            except NightshiftError as error:
                results[index] = error
        answers = self.producer.enqueue_many(list(wishes.values()))
        for (index, wish), answer in zip(wishes.items(), answers, strict=True):
            results[index] = (
                answer
                if isinstance(answer, NightshiftError)
                else self._accepted(wish, answer)
            )
        return [results[index] for index in range(len(jobs))]

    def add(
        self, contract: AnyContract, data: Model, options: JobOptions | None = None
    ) -> Accepted:
        """Create a job from what is already checked."""
        wish = _wish(contract, data, options or JobOptions())
        return self._accepted(wish, self.line.enqueue(wish))

    def _checked(
        self, wanted: JobRequest, queue: str, seed: str | None
    ) -> EnqueueRequest:
        contract = self._contract(queue, wanted.name)
        problems: list[Problem] = []
        data = _parsed(contract.data, wanted.data, "/data", problems)
        options = _parsed(JobOptions, wanted.opts, "/opts", problems)
        if options is not None and options.job_id in RESERVED_IDS:
            problems.append(Problem("/opts/jobId", "is a reserved word"))
        if data is None or options is None or problems:
            raise InvalidDataError(tuple(problems))
        if seed is not None and options.job_id is None:
            options = options.model_copy(update={"job_id": seed})
            options.model_fields_set.add("job_id")
        return _wish(contract, data, options, operation=seed)

    def _accepted(self, wish: EnqueueRequest, enqueued: Enqueued) -> Accepted:
        if enqueued.created:
            JOBS_ENQUEUED.labels(wish.queue, wish.name).inc()
            return Accepted(_record(wish, enqueued), is_new=True)
        IDEMPOTENT_REPLAYS.labels(wish.queue, wish.name).inc()
        existing = self.inspector.job(wish.queue, enqueued.job_id)
        # It may have been removed since; then what we know of it is shown.
        return Accepted(existing or _record(wish, enqueued), is_new=False)

    def _contract(self, queue: str, name: str) -> AnyContract:
        contract = self.catalogue.get(name)
        if contract is None or contract.queue != queue:
            known = sorted(c.name for c in self.catalogue.values() if c.queue == queue)
            raise TaskNotInQueueError(name, queue=queue, known=tuple(known))
        return contract


def _wish(
    contract: AnyContract,
    data: Model,
    options: JobOptions,
    *,
    operation: str | None = None,
) -> EnqueueRequest:
    return EnqueueRequest(
        queue=contract.queue,
        name=contract.name,
        data=data.dump(),
        options=options.with_trace(tracing.current()),
        defaults=contract.defaults,
        operation=operation,
    )


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
