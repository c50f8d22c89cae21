"""One queue in a test's hands: fills it, drives it and looks into it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared import ids
from shared.broker.orders import Completion, FailureOrder, NewJob, RetryOrder
from shared.broker.record import encode_body
from shared.contracts.retention import Retention
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Claim, Claimed, Scripts

KEEP_ALL = Retention()
KEEP_NONE = Retention(count=0)
LONG_MS = 600_000
WORKER = "worker-1"
STATES = ("waiting", "delayed", "active", "completed", "failed", "cancelled")
#: The sorted sets that hold the jobs of these states: grouped jobs wait in their own.
PLACES = {
    "waiting": "waiting",
    "grouped": "waiting",
    **{state: state for state in STATES[1:]},
}


def new_job(job_id: str, **changes: Any) -> NewJob:
    """Return a job to be created; `changes` are fields of NewJob."""
    fields = {
        "operation": "",
        "task": "echo",
        "priority": 5,
        "delay_ms": 0,
        "record": encode_body(b'{"msg":"hello"}', b"{}"),
    }
    return NewJob(job_id, **{**fields, **changes})


def completion(job: Claimed, *, keep: Retention = KEEP_ALL) -> Completion:
    """Return the order that ends a claimed job well."""
    return Completion(job.job_id, job.token, b'{"ok":true}', keep)


def failure(job: Claimed, *, keep: Retention = KEEP_ALL) -> FailureOrder:
    """Return the order that ends a claimed job badly."""
    return FailureOrder(
        job.job_id, job.token, "It broke.", "error", "a trace", opening("failed"), keep
    )


def another_try(job: Claimed, *, delay_ms: int = 0) -> RetryOrder:
    """Return the order that gives a claimed job another attempt."""
    return RetryOrder(
        job.job_id,
        job.token,
        delay_ms,
        "It broke.",
        "error",
        "a trace",
        opening("retried"),
    )


def opening(outcome: str) -> bytes:
    """Return an attempt as JSON without its end."""
    return json.dumps({"worker": WORKER, "started": 1, "outcome": outcome})[
        :-1
    ].encode()


@dataclass(frozen=True)
class QueueProbe:
    """Shortcuts for what a test does before and after the call that it tests."""

    client: redis.Redis
    keys: QueueKeys
    scripts: Scripts

    # Doing

    def put(self, *job_ids: str, **changes: Any) -> None:
        """Create jobs."""
        for job_id in job_ids:
            self.scripts.enqueue([new_job(job_id, **changes)])[0]

    def claim(
        self, count: int = 1, *, worker: str = WORKER, lease_ms: int = LONG_MS
    ) -> list[Claimed]:
        """Take jobs under a lease of its own operation."""
        return self.ask(count, worker=worker, lease_ms=lease_ms).jobs

    def ask(
        self, count: int = 1, *, worker: str = WORKER, lease_ms: int = LONG_MS
    ) -> Claim:
        """Take jobs and return the whole answer."""
        return self.scripts.claim(
            worker=worker, operation=ids.new_id(), count=count, lease_ms=lease_ms
        )

    def active(self, *job_ids: str, lease_ms: int = LONG_MS) -> list[Claimed]:
        """Create jobs in an empty line and take them all."""
        self.put(*job_ids)
        jobs = self.claim(len(job_ids), lease_ms=lease_ms)
        assert [job.job_id for job in jobs] == list(job_ids)
        return jobs

    def wait_until_due(self, job_id: str) -> None:
        """Wait until a delayed job's time has come."""
        due = self.client.zscore(self.keys.one("delayed"), job_id)
        wait_for(lambda: self.now_ms() >= due, what=f"{job_id} is due")

    def wait_until_expired(self, job_id: str) -> None:
        """Wait until an active job's lease has run out."""
        expiry = self.client.zscore(self.keys.one("active"), job_id)
        wait_for(lambda: self.now_ms() > expiry, what=f"{job_id}'s lease ran out")

    # Looking

    def now_ms(self) -> int:
        """Return the server's clock in epoch milliseconds."""
        seconds, micros = self.client.time()
        return seconds * 1000 + micros // 1000

    def line(self, state: str = "waiting") -> list[str]:
        """Return the ids of the jobs in a state, in order."""
        members = self.client.zrange(self.keys.one(state), 0, -1)
        return [job_id.decode() for job_id in members]

    def score(self, state: str, job_id: str) -> float | None:
        """Return a job's score in the line of a state."""
        return self.client.zscore(self.keys.one(state), job_id)

    def state(self, job_id: str) -> str | None:
        """Return a job's state as read_job tells it, None when there is no job."""
        reply = self.scripts.read_job(job_id)
        return None if reply is None else reply[1].decode()

    def record(self, job_id: str) -> bytes:
        """Return a job's stored record."""
        return self.client.get(self.keys.of("job", job_id))

    def run(self, job_id: str) -> dict[str, str]:
        """Return what is stored about a job's run."""
        fields = self.client.hgetall(self.keys.of("run", job_id))
        return {name.decode(): value.decode() for name, value in fields.items()}

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """Return a job's history."""
        entries = self.client.lrange(self.keys.of("attempts", job_id), 0, -1)
        return [json.loads(entry) for entry in entries]

    def logs(self, job_id: str) -> list[str]:
        """Return a job's log."""
        lines = self.client.lrange(self.keys.of("logs", job_id), 0, -1)
        return [line.decode() for line in lines]

    def meta(self, field: str) -> int:
        """Return one of the queue's counters."""
        return int(self.client.hget(self.keys.one("meta"), field) or 0)

    def events(self) -> list[dict[str, str]]:
        """Return the queue's events without their stream ids."""
        entries = self.client.xrange(self.keys.one("events"))
        return [
            {k.decode(): v.decode() for k, v in entry.items()} for _, entry in entries
        ]

    def last_event(self) -> dict[str, str]:
        """Return the newest event."""
        return self.events()[-1]

    def wake_tokens(self) -> int:
        """Return how many tokens lie in the wake key."""
        return self.client.llen(self.keys.one("wake"))

    def take_wake_token(self) -> bool:
        """Take a wake token as an idle consumer does; whether there was one."""
        return self.client.lpop(self.keys.one("wake")) is not None

    def counts(self) -> dict[str, int]:
        """Return the number of jobs per state."""
        return dict(zip(STATES, self.scripts.read_counts(), strict=False))
