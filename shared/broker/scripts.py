"""The scripts as typed methods: one method per transition, on one queue's keys.

Every script is safe to send twice: an operation id or a lease token tells it that it
has been here before. So a lost reply is answered by sending the same script again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from shared import ids
from shared.broker import script_loader
from shared.broker.connection import translated_errors
from shared.broker.durability import Durability, call_confirmed
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.broker.keys import QueueKeys
    from shared.broker.orders import (
        Completion,
        FailureOrder,
        NewJob,
        ReleaseOrder,
        RetryOrder,
        StopOrder,
    )
    from shared.contracts.retention import Retention

#: What a script may answer about one job.
DONE, REPEATED, LOST = 1, 0, -1

_Lost = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class Enqueued(NamedTuple):
    """What became of a new job.

    `created` is False when the id was taken; `is_duplicate` tells that a job of the
    same deduplication id stands for it, which then `job_id` names.
    """

    job_id: str
    created: bool
    state: JobState
    timestamp: int
    is_duplicate: bool = False


class Tidied(NamedTuple):
    """What time alone brought about."""

    expired: int
    removed: int


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
    """What a look for lost workers found.

    `tasks` are those of the poisonous jobs; empty text where a record is damaged.
    """

    recovered: int
    poisoned: int
    tasks: tuple[str, ...] = ()


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
        self,
        client: redis.Redis,
        keys: QueueKeys,
        *,
        patience: Patience | None = None,
        durability: Durability = Durability.MEMORY,
    ) -> None:
        """Call through `client` on `keys`; `durability` is what `enqueue` waits for."""
        self._durability = durability
        self._client = client
        self._keys = keys.script_keys
        self._patience = patience or Patience()

    @property
    def place(self) -> str:
        """A key of the queue, which tells in which slot of a Cluster it is."""
        return self._keys[0]

    def enqueue(
        self, jobs: Sequence[NewJob], *, may_repeat: bool = False
    ) -> list[Enqueued]:
        """Create jobs: (none) → waiting or delayed; one answer per job.

        `may_repeat` tells that another process may have sent these operations before;
        then the marks of removed jobs are looked at, as after a lost reply.
        """
        arguments = [part for job in jobs for part in _words(job)]
        reply = self._call(
            "enqueue",
            *arguments,
            resent=True,
            is_confirmed=True,
            may_repeat=may_repeat,
        )
        return [_enqueued(job, reply[4 * i : 4 * i + 4]) for i, job in enumerate(jobs)]

    def claim(self, *, worker: str, operation: str, count: int, lease_ms: int) -> Claim:
        """Take up to `count` jobs under lease: waiting → active."""
        return claim_of(self._call("claim", worker, operation, count, lease_ms))

    def claim_command(
        self, *, worker: str, operation: str, count: int, lease_ms: int
    ) -> tuple[str | int, ...]:
        """Return a claim as the words of a Redis command, to be sent by the caller."""
        sha = script_loader.load("claim").sha
        arguments = (worker, operation, count, lease_ms)
        return ("EVALSHA", sha, 2, *self._keys, *arguments)

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

    def stop(self, orders: Sequence[StopOrder]) -> list[int]:
        """End jobs that were given up: active → cancelled; one answer per order."""
        return self._answers("stop", [part for order in orders for part in order])

    def cancel(self, job_ids: Sequence[str], *, keep: Retention) -> list[int]:
        """Cancel jobs at once, or mark those that run; one answer per id."""
        return self._answers("cancel", [*_limits(keep), *job_ids])

    def remove(self, job_ids: Sequence[str]) -> list[int]:
        """Delete jobs that do not run; one answer per id."""
        reply = self._call("remove", *job_ids, resent=True)
        return [int(answer) for answer in reply]

    def promote_now(self, job_ids: Sequence[str]) -> list[int]:
        """Let delayed jobs start ahead of their time; one answer per id."""
        reply = self._call("promote_now", *job_ids, resent=True)
        return [int(answer) for answer in reply]

    def rerun(self, job_ids: Sequence[str]) -> list[int]:
        """Let jobs that have ended run again; one answer per id."""
        return self._answers("rerun", [ids.new_id(), *job_ids])

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set switches and limits; an empty value unsets."""
        self._call("configure", *(part for pair in settings.items() for part in pair))

    def tidy(self, *, limit: int) -> Tidied:
        """Fail what did not start in time, delete what is past its age."""
        expired, removed = self._call("tidy", limit)
        return Tidied(int(expired), int(removed))

    def audit(self, job_ids: Sequence[str], *, mend: bool) -> list[tuple[str, str]]:
        """Return (id, problem) of jobs that are stored wrongly; mend them if asked."""
        reply = self._call("audit", int(mend), *job_ids)
        words = [word.decode() for word in reply]
        return list(zip(words[::2], words[1::2], strict=True))

    def read_page(
        self, name: str, *, count: int, newest_first: bool, after: tuple[str, str]
    ) -> list[tuple[str, str]]:
        """Return up to `count` (id, score) of a sorted set, after (score, id)."""
        reply = self._call("read_page", name, count, int(newest_first), *after)
        words = [word.decode() for word in reply]
        return list(zip(words[::2], words[1::2], strict=True))

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
        recovered, *tasks = self._call(
            "recover",
            gate_ms,
            suspect_before_expiry_ms,
            suspect_for_ms,
            max_stalled,
            *_limits(keep),
        )
        names = tuple(task.decode() for task in tasks)
        return Recovery(int(recovered), len(names), names)

    def read_job(self, job_id: str) -> list[Any] | None:
        """Return what is stored about a job, undecoded, or None."""
        reply: list[Any] | None = self._call("read_job", job_id)
        return reply

    def read_jobs(self, job_ids: Sequence[str]) -> list[list[Any] | None]:
        """Return what is stored about many jobs, in one round trip."""
        script = script_loader.load("read_job")
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            # One that the server forgot would fail each of the calls.
            pipeline.script_load(script.source)
            for job_id in job_ids:
                pipeline.evalsha(script.sha, 2, *self._keys, job_id)
            replies: list[list[Any] | None] = pipeline.execute()[1:]
        return replies

    def read_counts(self) -> list[int]:
        """Return what read_counts.lua tells, in its order: the states come first."""
        return [int(part) for part in self._call("read_counts")]

    def _answers(self, name: str, arguments: Sequence[Any]) -> list[int]:
        return [int(answer) for answer in self._call(name, *arguments)]

    def _call(
        self,
        name: str,
        *arguments: Any,
        resent: bool = False,
        is_confirmed: bool = False,
        may_repeat: bool = False,
    ) -> Any:
        """Call a script.

        `resent` puts first what tells the first send apart: 0, or 1 when this may have
        been sent before, or 2 when exactly this was; `is_confirmed` waits until the
        effect is as safe as this queue's durability asks for.
        """
        durability = self._durability if is_confirmed else Durability.MEMORY
        with translated_errors():
            for send in range(self._patience.tries):
                mark = (_mark(send, may_repeat=may_repeat),) if resent else ()
                try:
                    return self._send(
                        script_loader.load(name), (*mark, *arguments), durability
                    )
                except _Lost:
                    if send + 1 == self._patience.tries:
                        raise
                    time.sleep(self._patience.pause_s)
        raise AssertionError  # the loop returns or raises

    def _send(
        self,
        script: script_loader.Script,
        arguments: Sequence[Any],
        durability: Durability,
    ) -> Any:
        words = (2, *self._keys, *arguments)
        is_confirmed = durability is not Durability.MEMORY
        try:
            if is_confirmed:
                command = ("EVALSHA", script.sha, *words)
                return call_confirmed(self._client, command, durability)
            return self._client.evalsha(script.sha, *words)
        except redis.exceptions.NoScriptError:
            if is_confirmed:
                command = ("EVAL", script.source, *words)
                return call_confirmed(self._client, command, durability)
            return self._client.eval(script.source, *words)


def _mark(send: int, *, may_repeat: bool) -> int:
    if may_repeat:
        # What others sent may have been part of another batch than this.
        return 1
    return 2 if send else 0


def _words(job: NewJob) -> tuple[str | int | bytes, ...]:
    return (
        job.job_id,
        job.operation,
        job.task,
        job.priority,
        job.delay_ms,
        job.expires_in_ms,
        job.group,
        job.deduplication,
        job.deduplication_mode,
        job.callback,
        job.record,
    )


def _enqueued(job: NewJob, reply: list[Any]) -> Enqueued:
    created, job_id, state, timestamp = reply
    return Enqueued(
        job_id.decode(),
        created=created == 1,
        # A job that ran and was removed before its request was sent again.
        state=(JobState.COMPLETED if state == b"removed" else JobState(state.decode())),
        timestamp=int(timestamp),
        is_duplicate=job_id.decode() != job.job_id,
    )


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
