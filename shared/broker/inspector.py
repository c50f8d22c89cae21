"""Reads what is stored about jobs and queues; it never writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec
import redis

from shared import logging
from shared.broker import record as records
from shared.broker import script_loader
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys, queues_key
from shared.broker.presence import Presence, WorkerInfo
from shared.broker.scripts import Scripts
from shared.contracts.contract import GENERAL_DEFAULTS, TaskDefaults
from shared.errors import InvalidDataError, RecordTypeError
from shared.jobs import options as job_options
from shared.jobs.job import Attempt, Job
from shared.jobs.names import check_job_id
from shared.jobs.options import JobOptions, StoredOptions
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.contracts.catalogue import AnyContract

_log = logging.get(__name__)

_COUNT_ORDER = (
    JobState.WAITING,
    JobState.DELAYED,
    JobState.ACTIVE,
    JobState.COMPLETED,
    JobState.FAILED,
    JobState.CANCELLED,
)
_ATTEMPT = msgspec.json.Decoder(Attempt)


@dataclass(frozen=True)
class QueueStats:
    """A queue at one instant.

    Attributes:
        counts: Jobs per state.
        oldest_waiting_ms: How long the oldest waiting job has waited; 0 for none.
        is_paused: Whether workers leave it alone.
        grouped: How many of the waiting jobs belong to groups.
        groups_over_rate: Groups that wait until their rate allows another job.
    """

    counts: Mapping[JobState, int]
    oldest_waiting_ms: int
    is_paused: bool
    grouped: int = 0
    groups_over_rate: int = 0


@dataclass(frozen=True)
class Page:
    """Some jobs of one state, in its order.

    Attributes:
        jobs: The jobs; one that was removed meanwhile is left out.
        next_cursor: Where the next page begins, None after the last.
    """

    jobs: list[Job]
    next_cursor: str | None


#: Most jobs of one page.
MAX_PAGE = 200
#: A queue's waiting jobs lie in two sets: those without a group, then the others.
_SETS = {JobState.WAITING: ("waiting", "grouped")}


class Inspector:
    """Looks at jobs and queues."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        catalogue: Mapping[str, AnyContract],
    ) -> None:
        """Read through `client`; `catalogue` knows the tasks' default options."""
        self._client = client
        self._namespace = namespace
        self._catalogue = catalogue

    def job(self, queue: str, job_id: str) -> Job | None:
        """Return a job's record, or None when there is none.

        Raises:
            InvalidNameError: When a name is refused.
            RedisUnavailableError: When Redis does not answer.
        """
        reply = self._scripts(queue).read_job(check_job_id(job_id))
        if reply is None:
            return None
        return self._read(queue, job_id, reply)

    def page(
        self,
        queue: str,
        state: JobState,
        *,
        cursor: str = "",
        limit: int = 50,
        newest_first: bool = False,
    ) -> Page:
        """Return some jobs of one state, in the order in which they run or ended.

        Args:
            queue: The queue.
            state: The state.
            cursor: A page's `next_cursor`; empty for the first page.
            limit: How many, MAX_PAGE at most.
            newest_first: Whether the order is turned round.

        Raises:
            ValueError: When the cursor is not one of ours.
        """
        sets = _SETS.get(state, (state.value,))
        name, after = _read_cursor(cursor, sets)
        count = min(limit, MAX_PAGE)
        found = self._scripts(queue).read_page(
            name, count=count, newest_first=newest_first, after=after
        )
        next_cursor = None
        if len(found) == count:
            job_id, score = found[-1]
            next_cursor = f"{name}|{score}|{job_id}"
        elif name != sets[-1]:
            next_cursor = f"{sets[-1]}||"
        jobs = self.jobs(queue, [job_id for job_id, _ in found])
        return Page([job for job in jobs if job is not None], next_cursor)

    def jobs(self, queue: str, job_ids: Sequence[str]) -> list[Job | None]:
        """Return the records of many jobs, None for one that is not there."""
        replies = self._scripts(queue).read_jobs(job_ids)
        return [
            None if reply is None else self._read(queue, job_id, reply)
            for job_id, reply in zip(job_ids, replies, strict=True)
        ]

    def stats(self, queue: str) -> QueueStats:
        """Return a queue's counts, all taken at one instant."""
        return _stats(self._scripts(queue).read_counts())

    def stats_of(self, queues: Sequence[str]) -> dict[str, QueueStats]:
        """Return the counts of several queues, in one round trip.

        A queue whose keys are damaged is left out, for the others' sake.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        script = script_loader.load("read_counts")
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for queue in queues:
                keys = QueueKeys(self._namespace, queue)
                pipeline.evalsha(script.sha, 2, *keys.script_keys)
            replies = pipeline.execute(raise_on_error=False)
        found = {}
        for queue, reply in zip(queues, replies, strict=True):
            try:
                if isinstance(reply, redis.exceptions.NoScriptError):
                    found[queue] = self.stats(queue)
                elif isinstance(reply, Exception):
                    with translated_errors():
                        raise reply
                else:
                    found[queue] = _stats([int(part) for part in reply])
            except RecordTypeError as error:
                _log.warning("queue_damaged", queue=queue, reason=str(error))
        return found

    def counts(self, queue: str) -> Mapping[JobState, int]:
        """Return the number of jobs per state."""
        return self.stats(queue).counts

    def oldest_waiting_age_s(self, queue: str) -> float:
        """Return how long the oldest waiting job has waited, in seconds; 0 for none."""
        return self.stats(queue).oldest_waiting_ms / 1000

    def logs(self, queue: str, job_id: str) -> list[str]:
        """Return the lines that a job logged, oldest first."""
        key = QueueKeys(self._namespace, queue).of("logs", check_job_id(job_id))
        with translated_errors():
            lines = cast("list[bytes]", self._client.lrange(key, 0, -1))
        return [line.decode(errors="replace") for line in lines]

    def queues(self) -> list[str]:
        """Return the names of all queues that ever held a job, sorted."""
        with translated_errors():
            names = cast(
                "set[bytes]", self._client.smembers(queues_key(self._namespace))
            )
        return sorted(name.decode() for name in names)

    def workers(self) -> list[WorkerInfo]:
        """Return the workers that are there, by name."""
        return Presence(self._client, namespace=self._namespace).workers()

    def ping(self) -> None:
        """Ask Redis for a sign of life.

        Raises:
            RedisUnavailableError: When there is none.
        """
        with translated_errors():
            self._client.ping()

    def _scripts(self, queue: str) -> Scripts:
        return Scripts(self._client, QueueKeys(self._namespace, queue))

    def _defaults(self, task: str) -> TaskDefaults:
        contract = self._catalogue.get(task)
        return contract.defaults if contract else GENERAL_DEFAULTS

    def _read(self, queue: str, job_id: str, reply: list[Any]) -> Job:
        stored, state, due, flat, attempts = reply
        return self._assemble(
            queue,
            job_id,
            stored=stored,
            state=JobState(state.decode()),
            due=int(due) if due else None,
            run=records.fields(flat),
            attempts=attempts,
        )

    def _assemble(
        self,
        queue: str,
        job_id: str,
        *,
        stored: bytes,
        state: JobState,
        due: int | None,
        run: dict[str, bytes],
        attempts: list[bytes],
    ) -> Job:
        record = _readable(stored)
        options = _options(record.options)
        return Job(
            id=job_id,
            queue=queue,
            name=record.task,
            data=record.data,
            options=options,
            policy=job_options.resolve(options, self._defaults(record.task)),
            state=state,
            timestamp=record.timestamp,
            due=due,
            attempts=tuple(_ATTEMPT.decode(attempt) for attempt in attempts),
            progress=run.get("progress", b"0"),
            returnvalue=run.get("returnvalue", b"null"),
            attempts_made=_number(run, "attemptsMade") or 0,
            attempts_started=_number(run, "attemptsStarted") or 0,
            stalled_counter=_number(run, "stalledCounter") or 0,
            processed_on=_number(run, "processedOn"),
            finished_on=_number(run, "finishedOn"),
            processed_by=_text(run, "worker"),
            failed_reason=_text(run, "failedReason"),
            failure_kind=_text(run, "failureKind") or "",
            stacktrace=_text(run, "stacktrace") or "",
        )


def _stats(numbers: list[int]) -> QueueStats:
    counts = dict(zip(_COUNT_ORDER, numbers, strict=False))
    return QueueStats(
        counts,
        numbers[6],
        is_paused=bool(numbers[7]),
        grouped=numbers[8],
        groups_over_rate=numbers[9],
    )


def _read_cursor(cursor: str, sets: tuple[str, ...]) -> tuple[str, tuple[str, str]]:
    if not cursor:
        return sets[0], ("", "")
    name, score, job_id = (*cursor.split("|", 2), "", "")[:3]
    is_number = score == "" or score.replace(".", "", 1).isdigit()
    if name not in sets or not is_number:
        message = "This is no cursor of this list; begin without one."
        raise ValueError(message)
    return name, (score, job_id)


def _readable(stored: bytes) -> records.Record:
    try:
        return records.decode(stored)
    except ValueError:
        # A damaged record is shown as far as it goes, never hidden.
        return records.Record("?", 5, 0, 0, "", b"null", b"{}")


def _options(document: bytes) -> JobOptions:
    try:
        return StoredOptions.parse(document)
    except InvalidDataError:
        return JobOptions()


def _number(run: dict[str, bytes], field: str) -> int | None:
    value = run.get(field)
    return None if value is None else int(value)


def _text(run: dict[str, bytes], field: str) -> str | None:
    value = run.get(field)
    return None if value is None else value.decode(errors="replace")
