"""Creating jobs and looking at them, for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared.broker.inspector import Inspector
from shared.broker.producer import Producer, Request
from shared.contracts import catalogue
from shared.jobs.options import JobOptions
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from shared.jobs.job import Job


class Jobs:
    """The producer's and the inspector's view of one namespace."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        """Look at `namespace`."""
        self.catalogue = catalogue.load()
        self.producer = Producer(client, namespace=namespace)
        self.inspector = Inspector(
            client, namespace=namespace, catalogue=self.catalogue
        )

    def add(self, name: str, data: dict[str, Any], **options: Any) -> Job:
        """Create a job of a task."""
        contract = self.catalogue.find(name)
        document = json.dumps(data).encode()
        contract.data.parse(document)
        created = self.producer.enqueue(
            Request(
                contract.queue,
                name,
                document,
                JobOptions(**options),
                contract.defaults,
            )
        )
        return self.find(contract.queue, created.job_id)

    def find(self, queue: str, job_id: str) -> Job:
        """Return a job that must exist."""
        job = self.inspector.job(queue, job_id)
        assert job is not None
        return job

    def wait_until(
        self, job: Job, condition: Callable[[Job], bool], *, within_s: float = 20
    ) -> Job:
        """Return the job as soon as `condition` holds for it."""

        def look() -> Job | None:
            found = self.find(job.queue, job.id)
            return found if condition(found) else None

        found = wait_for(look, within_s=within_s, what=f"condition on {job.id}")
        assert found is not None
        return found

    def wait(self, job: Job, *, state: str, within_s: float = 20) -> Job:
        """Return the job as soon as it is in `state`."""
        return self.wait_until(
            job, lambda found: found.state == state, within_s=within_s
        )

    def wait_for_end(self, job: Job, *, within_s: float = 20) -> Job:
        """Return the job as soon as it has ended."""
        return self.wait_until(
            job, lambda found: found.state.is_final, within_s=within_s
        )
