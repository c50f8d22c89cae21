"""What a task is given beside its data: progress, log, deadline, files, settings."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from shared import ids, logging
from shared.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.worker.memory import Memory
    from services.worker.settings import WorkerSettings
    from shared.broker.inspector import Inspector
    from shared.broker.operator import Operator
    from shared.contracts.model import Model
    from shared.storage.storage import Storage

#: Longest id of a job, in characters.
_LONGEST_ID = 128
#: How long a job knows what it has done once: longer than its attempts take.
_ONCE_MS = 8 * 24 * 3600 * 1000

_log = logging.get(__name__)


class Reporter(Protocol):
    """Where a running job's progress and log lines go."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""

    def progress(self, progress: bytes) -> None:
        """Take the job's progress, JSON text."""

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Take log lines; the same operation id is taken once."""


class ChildJob(NamedTuple):
    """A job that a job asked for.

    Attributes:
        id: Its id.
        created: False when it was there already.
    """

    id: str
    created: bool


class ChildMaker(Protocol):
    """Creates the jobs that a job asks for."""

    def create(self, name: str, data: Model, *, job_id: str, delay_ms: int) -> bool:
        """Create a job of the task `name`; False when `job_id` exists already."""


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """One attempt of one job, as its task sees it.

    Attributes:
        job_id: The job; the same over all attempts.
        queue: Its queue.
        name: Its task.
        attempt: Number of this attempt, from 1.
        attempts: Total number of attempts.
        created_ms: When the job was accepted, epoch milliseconds; the same over all
            attempts.
        deadline: When the attempt must be done, in `time.monotonic()` seconds.
        storage: Uploads and artifacts.
        settings: The worker's settings.
        reporter: Where progress and log lines go.
        memory: What tasks remember from one job to the next.
        children: Creates further jobs.
        inspector: Looks at jobs and queues.
        operator: Acts on jobs and queues.
    """

    job_id: str
    queue: str
    name: str
    attempt: int
    attempts: int
    created_ms: int
    deadline: float
    storage: Storage
    settings: WorkerSettings
    reporter: Reporter = field(repr=False)
    memory: Memory = field(repr=False)
    children: ChildMaker = field(repr=False)
    inspector: Inspector = field(repr=False)
    operator: Operator = field(repr=False)

    def progress(self, value: float | dict[str, Any]) -> None:
        """Report how far the job is: a percentage, or a document of the task's own."""
        self.reporter.progress(msgspec.json.encode(value))

    def log(self, line: str) -> None:
        """Add a line to the job's log, which the API and the dashboard show."""
        self.reporter.add_log([line], operation=ids.new_id())

    @property
    def cancelled(self) -> bool:
        """Whether the job should stop: it was cancelled, or another worker has it."""
        return self.reporter.is_cancelled

    def remaining_s(self) -> float:
        """Return the time until the deadline, in seconds, never below 0."""
        return max(0.0, self.deadline - time.monotonic())

    def enqueue(
        self, name: str, data: Model, *, key: str, delay_ms: int = 0
    ) -> ChildJob:
        """Create a job of the task `name`.

        The id is made from this job's and `key`, so an attempt that follows creates
        nothing twice, as long as the child is kept.

        Args:
            name: The task.
            data: What its contract wants.
            key: What makes this child different from the others of this job.
            delay_ms: Milliseconds to wait before its first attempt.

        Raises:
            UnknownTaskError: When there is no such task.
            BrokerError: When Redis can't take the job.
        """
        job_id = child_id(self.queue, self.job_id, key)
        created = self.children.create(name, data, job_id=job_id, delay_ms=delay_ms)
        return ChildJob(job_id, created)

    def once(self, key: str, work: Callable[[], bytes]) -> bytes:
        """Return what `work` returned when it first ended well in this job.

        A worker that dies between that end and the note of it makes it run again.

        Raises:
            BrokerError: When Redis can't say whether it ran; it didn't run now.
        """
        name = f"once:{self.queue}/{self.job_id}/{key}"
        known = self.memory.get(name)
        if known is not None:
            return known
        value = work()
        try:
            self.memory.put(name, value, ttl_ms=_ONCE_MS)
        except BrokerError as error:
            # The work is done; the job must not fail over the note.
            _log.warning("once_not_noted", key=key, reason=str(error))
        return value


def child_id(queue: str, job_id: str, key: str) -> str:
    """Return the id of a job's child; the same for the same arguments."""
    whole = f"{queue}:{job_id}:{key}"
    if len(whole) <= _LONGEST_ID:
        return whole
    digest = hashlib.sha256(f"{queue}:{job_id}".encode()).hexdigest()[:32]
    return f"{digest}:{key}"
