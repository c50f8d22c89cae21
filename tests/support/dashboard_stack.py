"""What the dashboard's tests put into Redis: jobs in every state, without waiting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared import clock, ids
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.operator import Operator
from shared.broker.orders import Completion, FailureOrder, RetryOrder
from shared.broker.scripts import Claimed, Scripts
from shared.contracts.retention import Retention
from tests.support.jobs import Jobs

if TYPE_CHECKING:
    from pathlib import Path

    from shared.jobs.job import Job

WORKER = "host-1-1234-abcd"
TRACEBACK = """Traceback (most recent call last):
  File "/site-packages/dramatiq/worker.py", line 480, in process_message
    res = actor(*message.args, **message.kwargs)
  File "/app/services/worker/binding.py", line 88, in run
    result = run(data, context)
  File "/app/services/worker/tasks/send_email.py", line 51, in run
    server.send_message(mail)
  File "/usr/lib/python3.11/smtplib.py", line 986, in send_message
    raise SMTPRecipientsRefused(senderrs)
smtplib.SMTPRecipientsRefused: {'nobody@example.com': (550, b'no such user')}
"""
_KEEP = Retention(age=86_400, count=1_000_000)


class Stack:
    """An api and the Redis behind it.

    Attributes:
        base: Address of the api.
        jobs: Creates and reads jobs.
    """

    def __init__(self, redis_url: str, namespace: str, folder: Path, base: str) -> None:
        """Work in `namespace`; files are kept in `folder`."""
        self.client = connect(redis_url)
        self.namespace = namespace
        self.folder = folder
        self.base = base
        self.jobs = Jobs(self.client, namespace)
        self.operator = Operator(
            self.client, namespace=namespace, catalogue=self.jobs.catalogue
        )

    def add(self, name: str = "echo", /, **options: Any) -> Job:
        """Create a job; `data` is its data."""
        data = options.pop("data", {"msg": "hi"})
        return self.jobs.add(name, data, **options)

    def claim(self, queue: str, count: int = 1) -> list[Claimed]:
        """Take the next jobs as a worker would; they stay active for a day."""
        claim = self._scripts(queue).claim(
            worker=WORKER,
            operation=ids.new_id(),
            count=count,
            lease_ms=86_400_000,
        )
        return list(claim.jobs)

    def take(self, *jobs: Job) -> list[Claimed]:
        """Take these jobs of one queue, and whatever waited before them."""
        found: dict[str, Claimed] = {}
        while not found.keys() >= {job.id for job in jobs}:
            claimed = self.claim(jobs[0].queue, 100)
            assert claimed, "the jobs do not wait"
            found |= {one.job_id: one for one in claimed}
        return [found[job.id] for job in jobs]

    def complete(self, queue: str, taken: list[Claimed], result: bytes) -> None:
        """End jobs well."""
        self._scripts(queue).complete(
            [Completion(one.job_id, one.token, result, _KEEP) for one in taken]
        )

    def fail(
        self,
        queue: str,
        taken: list[Claimed],
        reason: str = "SMTPRecipientsRefused: no such user",
        stacktrace: str = TRACEBACK,
    ) -> None:
        """End jobs badly."""
        self._scripts(queue).fail(
            [
                FailureOrder(
                    one.job_id,
                    one.token,
                    reason,
                    "error",
                    stacktrace,
                    _attempt("failed", reason),
                    _KEEP,
                )
                for one in taken
            ]
        )

    def retry(self, queue: str, taken: list[Claimed], reason: str) -> None:
        """Let jobs wait for another attempt, in an hour."""
        self._scripts(queue).retry(
            [
                RetryOrder(
                    one.job_id,
                    one.token,
                    3_600_000,
                    reason,
                    "error",
                    TRACEBACK,
                    _attempt("retried", reason),
                )
                for one in taken
            ]
        )

    def progress(self, queue: str, taken: Claimed, progress: bytes) -> None:
        """Report progress."""
        self._scripts(queue).progress(
            taken.job_id, taken.token, lease_ms=86_400_000, progress=progress
        )

    def log(self, queue: str, taken: Claimed, *lines: str) -> None:
        """Write to a job's log."""
        self._scripts(queue).add_log(
            taken.job_id, taken.token, operation=ids.new_id(), lines=lines
        )

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _scripts(self, queue: str) -> Scripts:
        return Scripts(self.client, QueueKeys(self.namespace, queue))


def _attempt(outcome: str, error: str) -> bytes:
    document = {"worker": WORKER, "started": clock.now_ms() - 900, "outcome": outcome}
    return json.dumps({**document, "error": error}).encode()[:-1]
