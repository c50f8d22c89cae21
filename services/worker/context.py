"""What a task is given beside its data: progress, log, deadline, files, settings."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from shared import ids

if TYPE_CHECKING:
    from services.worker.settings import WorkerSettings
    from shared.storage.storage import Storage


class Reporter(Protocol):
    """Where a running job's progress and log lines go."""

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""

    def progress(self, progress: bytes) -> None:
        """Take the job's progress, JSON text."""

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Take log lines; the same operation id is taken once."""


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
