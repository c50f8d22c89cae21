"""The record of a job, as people and programs see it."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.jobs.options import JobOptions, Policy
from shared.jobs.states import JobState


class Attempt(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One run of a job that did not end it well.

    Attributes:
        worker: Name of the worker process.
        started: Epoch milliseconds.
        finished: Epoch milliseconds.
        outcome: `retried`, `failed`, `released` or `stalled`.
        error: One line, empty when there was none.
    """

    worker: str
    started: int
    finished: int
    outcome: str
    error: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one job; times are epoch milliseconds.

    Attributes:
        id: Its id, unique in its queue.
        queue: Its queue.
        name: Its task.
        data: What the caller sent, as JSON text.
        options: What the caller said about it.
        policy: The options that hold, the task's defaults included.
        state: Where it is.
        timestamp: When it was accepted.
        progress: What the task last reported, as JSON text.
        attempts_made: Attempts that failed or completed.
        attempts_started: Attempts that began.
        stalled_counter: Times a worker was lost with it.
        due: When it is due, for a delayed job.
        processed_on: When the last attempt began.
        processed_by: Name of the worker of the last attempt.
        finished_on: When it ended.
        returnvalue: What the task returned, as JSON text.
        failed_reason: One line, why the last attempt failed.
        failure_kind: `error`, `timeout`, `poison`, `invalid` or empty.
        stacktrace: Traceback of the last failed attempt.
        attempts: Attempts that did not end it well, oldest first.
    """

    id: str
    queue: str
    name: str
    data: bytes
    options: JobOptions
    policy: Policy
    state: JobState
    timestamp: int
    progress: bytes = b"0"
    attempts_made: int = 0
    attempts_started: int = 0
    stalled_counter: int = 0
    due: int | None = None
    processed_on: int | None = None
    processed_by: str | None = None
    finished_on: int | None = None
    returnvalue: bytes = b"null"
    failed_reason: str | None = None
    failure_kind: str = ""
    stacktrace: str = ""
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_retrying(self) -> bool:
        """Whether it waits for another attempt after a failed one."""
        return not self.state.is_final and self.attempts_made > 0

    def to_json(self) -> bytes:
        """Return the record in BullMQ's shape; data and results pass untouched."""
        return _ENCODER.encode(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """Return the record as a document; raw JSON parts are `msgspec.Raw`."""
        raw = msgspec.Raw
        return {
            "id": self.id,
            "queue": self.queue,
            "name": self.name,
            "state": self.state.value,
            "data": raw(self.data),
            "opts": raw(self.options.dump()),
            "progress": raw(self.progress),
            "attempts": self.policy.attempts,
            "attemptsMade": self.attempts_made,
            "attemptsStarted": self.attempts_started,
            "stalledCounter": self.stalled_counter,
            "retrying": self.is_retrying,
            "priority": self.policy.priority,
            "delay": self.policy.delay_ms,
            "group": self.options.group,
            "tags": self.options.tags or (),
            "due": self.due,
            "timestamp": self.timestamp,
            "processedOn": self.processed_on,
            "processedBy": self.processed_by,
            "finishedOn": self.finished_on,
            "returnvalue": raw(self.returnvalue),
            "failedReason": self.failed_reason,
            "failureKind": self.failure_kind or None,
            "stacktrace": self.stacktrace.splitlines(),
            "history": self.attempts,
        }


_ENCODER = msgspec.json.Encoder()
