"""The scripts as typed methods: one method per transition, on one queue's keys.

Every script is safe to send twice: an operation id or a lease token tells it that it
has been here before. So a lost reply is answered by sending the same script again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from shared.broker import script_loader
from shared.broker.connection import translated_errors
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.broker.keys import QueueKeys
    from shared.broker.orders import (
        Completion,
        FailureOrder,
        NewJob,
        ReleaseOrder,
        RetryOrder,
    )
    from shared.contracts.retention import Retention

#: What a script may answer about one job.
DONE, REPEATED, LOST = 1, 0, -1

_Lost = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class Enqueued(NamedTuple):
    """What became of a new job; `created` is False when the id was taken."""

    job_id: str
    created: bool
    state: JobState
    timestamp: int


class Claimed(NamedTuple):
    """A job under lease as the claim script gives it, record undecoded."""

    job_id: str
    token: str
    record: bytes
    attempts_made: int
    attempts_started: int
    stalled_counter: int


class Claim(NamedTuple):
    """The answer to a claim; times are milliseconds of the server's clock."""

    now_ms: int
    next_due_in_ms: int | None
    jobs: list[Claimed]


class Recovery(NamedTuple):
    """What a look for lost workers found."""

    recovered: int
    poisoned: int


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How a lost reply or connection is met.

    Attributes:
        tries: How often the script is sent at most.
        pause_s: Wait between two sends, in seconds.
    """

    tries: int = 2
    pause_s: float = 0.05


class Scripts:
    """Calls the scripts of one queue."""

    def __init__(
        self, client: redis.Redis, keys: QueueKeys, *, patience: Patience | None = None
    ) -> None:
        """Call through `client` on `keys`."""
        self._client = client
        self._prefix = keys.prefix
        self._patience = patience or Patience()

    def enqueue(self, job: NewJob) -> Enqueued:
        """Create a job: (none) → waiting or delayed."""
        reply = self._call(
            "enqueue",
            job.job_id,
            job.operation,
            job.task,
            job.priority,
            job.delay_ms,
            job.record,
            resent=True,
        )
        state = reply[1].decode()
        return Enqueued(
            job.job_id,
            created=reply[0] == 1,
            # A job that ran and was removed before its request was sent again.
            state=JobState.COMPLETED if state == "removed" else JobState(state),
            timestamp=int(reply[2]),
        )

    def claim(self, *, worker: str, operation: str, count: int, lease_ms: int) -> Claim:
        """Take up to `count` jobs under lease: waiting → active."""
        return claim_of(self._call("claim", worker, operation, count, lease_ms))

    def claim_command(
        self, *, worker: str, operation: str, count: int, lease_ms: int
    ) -> tuple[str | int, ...]:
        """Return a claim as the words of a Redis command, to be sent by the caller."""
        sha = script_loader.load("claim").sha
        return ("EVALSHA", sha, 1, self._prefix, worker, operation, count, lease_ms)

    def complete(self, orders: Sequence[Completion]) -> list[int]:
        """End jobs well: active → completed; one answer per order."""
        arguments: list[Any] = []
        for order in orders:
            arguments += (order.job_id, order.token, order.returnvalue)
            arguments += _limits(order.keep)
        return self._answers("complete", arguments)

    def retry(self, orders: Sequence[RetryOrder]) -> list[int]:
        """Put failed jobs aside: active → delayed or waiting; one answer per order."""
        return self._answers("retry", [part for order in orders for part in order])

    def fail(self, orders: Sequence[FailureOrder]) -> list[int]:
        """End jobs badly: active → failed; one answer per order."""
        arguments: list[Any] = []
        for order in orders:
            arguments += order[:-1]
            arguments += _limits(order.keep)
        return self._answers("fail", arguments)

    def release(self, orders: Sequence[ReleaseOrder]) -> list[int]:
        """Hand jobs back: active → waiting or delayed; one answer per order."""
        return self._answers("release", [part for order in orders for part in order])

    def renew(self, leases: Sequence[tuple[str, str]], *, lease_ms: int) -> list[str]:
        """Prolong leases, given as (id, token); return the ids that are lost."""
        arguments = [part for lease in leases for part in lease]
        return [job_id.decode() for job_id in self._call("renew", lease_ms, *arguments)]

    def progress(
        self, job_id: str, token: str, *, lease_ms: int, progress: bytes
    ) -> int:
        """Record a running job's progress, JSON text; returns DONE or LOST."""
        return int(self._call("progress", job_id, token, lease_ms, progress))

    def add_log(
        self, job_id: str, token: str, *, operation: str, lines: Sequence[str]
    ) -> int:
        """Append to a running job's log; returns DONE, REPEATED or LOST."""
        return int(self._call("add_log", job_id, token, operation, *lines))

    def promote_due(self, *, limit: int) -> tuple[int, int | None]:
        """Move due jobs: delayed → waiting; return how many and ms to the next."""
        moved, next_due = self._call("promote_due", limit)
        return int(moved), None if next_due < 0 else int(next_due)

    def recover(
        self,
        *,
        gate_ms: int,
        suspect_before_expiry_ms: int,
        suspect_for_ms: int,
        max_stalled: int,
        keep: Retention,
    ) -> Recovery:
        """Take jobs back from lost workers: active → waiting or failed."""
        recovered, poisoned = self._call(
            "recover",
            gate_ms,
            suspect_before_expiry_ms,
            suspect_for_ms,
            max_stalled,
            *_limits(keep),
        )
        return Recovery(int(recovered), int(poisoned))

    def read_job(self, job_id: str) -> list[Any] | None:
        """Return what is stored about a job, undecoded, or None."""
        reply: list[Any] | None = self._call("read_job", job_id)
        return reply

    def read_counts(self) -> list[int]:
        """Return six counts in the order of JobState's queue, oldest wait, paused."""
        return [int(part) for part in self._call("read_counts")]

    def _answers(self, name: str, arguments: Sequence[Any]) -> list[int]:
        return [int(answer) for answer in self._call(name, *arguments)]

    def _call(self, name: str, *arguments: Any, resent: bool = False) -> Any:
        """Call a script; `resent` adds an argument that tells the first send apart."""
        with translated_errors():
            for send in range(self._patience.tries):
                mark = (int(send > 0),) if resent else ()
                try:
                    return self._send(script_loader.load(name), (*arguments, *mark))
                except _Lost:
                    if send + 1 == self._patience.tries:
                        raise
                    time.sleep(self._patience.pause_s)
        raise AssertionError  # the loop returns or raises

    def _send(self, script: script_loader.Script, arguments: Sequence[Any]) -> Any:
        try:
            return self._client.evalsha(script.sha, 1, self._prefix, *arguments)
        except redis.exceptions.NoScriptError:
            return self._client.eval(script.source, 1, self._prefix, *arguments)


def claim_of(reply: list[Any]) -> Claim:
    """Read the claim script's reply."""
    jobs = [
        Claimed(
            reply[i].decode(),
            reply[i + 1].decode(),
            reply[i + 2],
            int(reply[i + 3]),
            int(reply[i + 4]),
            int(reply[i + 5]),
        )
        for i in range(2, len(reply), 6)
    ]
    next_due = int(reply[1])
    return Claim(int(reply[0]), None if next_due < 0 else next_due, jobs)


def _limits(keep: Retention) -> tuple[int | str, int | str]:
    age, count = keep.age, keep.count
    return "" if age is None else age, "" if count is None else count
