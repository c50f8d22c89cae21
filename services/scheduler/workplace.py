"""Where the jobs of slots are created, looked at and cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.inspector import Inspector
from shared.broker.operator import Operator
from shared.broker.producer import Producer
from shared.errors import RedisFullError, RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from shared.broker.producer import Enqueued, Request
    from shared.contracts.catalogue import Catalogue
    from shared.errors import BrokerError
    from shared.jobs.states import JobState


class Workplace:
    """The broker, as far as the scheduler needs it."""

    def __init__(
        self, client: redis.Redis, *, namespace: str, catalogue: Catalogue
    ) -> None:
        """Work through `client`, under `namespace`, with the tasks of `catalogue`."""
        self.catalogue = catalogue
        self._producer = Producer(client, namespace=namespace)
        self._operator = Operator(client, namespace=namespace, catalogue=catalogue)
        self._inspector = Inspector(client, namespace=namespace, catalogue=catalogue)

    def enqueue(self, requests: Sequence[Request]) -> list[Enqueued | BrokerError]:
        """Create jobs; an answer says what became of each.

        Raises:
            RedisUnavailableError: When Redis did not answer.
            RedisFullError: When Redis has no memory left.
        """
        answers = self._producer.enqueue_many(requests)
        for answer in answers:
            if isinstance(answer, (RedisUnavailableError, RedisFullError)):
                raise answer
        return answers

    def state_of(self, queue: str, job_id: str) -> JobState | None:
        """Return the state of a job; None when there is no such job."""
        job = self._inspector.job(queue, job_id)
        return None if job is None else job.state

    def cancel(self, queue: str, ids: Sequence[str]) -> None:
        """Cancel jobs; those that have ended stay as they are."""
        if ids:
            self._operator.cancel(queue, ids)
