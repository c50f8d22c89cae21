"""Claims that are asked for ahead: Redis works on the next while we take one in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import redis

from shared import ids
from shared.broker.line import Line
from shared.broker.scripts import claim_of

if TYPE_CHECKING:
    from shared.broker.scripts import Claim, Scripts


class _Question(NamedTuple):
    operation: str
    most: int


class ClaimLine:
    """One queue's claims, at most one of them under way."""

    def __init__(
        self, client: redis.Redis, scripts: Scripts, *, worker: str, lease_ms: int
    ) -> None:
        """Prepare; a connection of its own is opened by the first `ask`."""
        self._line = Line(client, scripts.place)
        self._scripts = scripts
        self._worker = worker
        self._lease_ms = lease_ms
        self._question: _Question | None = None

    @property
    def is_asked(self) -> bool:
        """Whether an answer is still to be taken."""
        return self._question is not None

    def claim(self, count: int) -> Claim:
        """Claim up to `count` jobs and wait for them.

        Raises:
            BrokerError: When Redis does not answer or refuses.
        """
        return self._claim(_Question(ids.new_id(), count))

    def ask(self, count: int) -> None:
        """Claim up to `count` jobs without waiting; `answer` gets them."""
        self._question = _Question(ids.new_id(), count)
        try:
            self._line.send(
                *self._scripts.claim_command(
                    worker=self._worker,
                    operation=self._question.operation,
                    count=count,
                    lease_ms=self._lease_ms,
                )
            )
        except redis.exceptions.RedisError:
            # The answer will ask again, in the usual way.
            self.close()

    def answer(self) -> Claim:
        """Return the jobs that were asked for.

        Raises:
            BrokerError: When Redis does not answer or refuses; what was claimed is not
                lost, its leases run out.
        """
        question, self._question = self._question, None
        if question is None:
            return self.claim(1)
        if self._line.is_open:
            try:
                return claim_of(self._line.read())
            except redis.exceptions.RedisError:
                self.close()
        # The reply was lost, Redis forgot the script, or the queue is on another server
        # now. The same operation id gets the same jobs, whether the first question was
        # heard or not.
        return self._claim(question)

    def close(self) -> None:
        """Close the connection; a question stays to be answered."""
        self._line.close()

    def _claim(self, question: _Question) -> Claim:
        return self._scripts.claim(
            worker=self._worker,
            operation=question.operation,
            count=question.most,
            lease_ms=self._lease_ms,
        )
