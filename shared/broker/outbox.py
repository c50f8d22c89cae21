"""Tells callers that their jobs have ended: what scripts noted becomes webhooks.

A queue and that of the webhooks may live on two nodes of a Cluster, so no script can
end a job and create its webhook. The script that ends the job notes it in the outbox of
the job's queue. Whoever empties that creates a job per entry, whose id follows from the
entry's: one that is read twice, because a process died in between, makes one webhook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from shared import logging
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.broker.producer import Request
from shared.errors import BrokerError
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from shared.broker.producer import Producer
    from shared.contracts.catalogue import AnyContract

#: The task that tells.
TASK = "deliver-webhook"
#: Entries that one call turns into jobs; the keeper comes again.
BATCH = 100

_ENCODER = msgspec.json.Encoder()
_log = logging.get(__name__)


class _Entry(NamedTuple):
    """An entry of an outbox, and the job that it makes; None for a damaged one."""

    id: bytes
    request: Request | None


class Outbox:
    """Empties the outboxes of queues; many processes may do so at the same time."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        producer: Producer,
        catalogue: Mapping[str, AnyContract],
    ) -> None:
        """Read through `client`, create with `producer`; both under `namespace`."""
        self._client = client
        self._namespace = namespace
        self._producer = producer
        self._contract = catalogue.get(TASK)

    def send(self, queue: str) -> int:
        """Make webhooks of what a queue's outbox holds; return how many.

        Raises:
            BrokerError: Redis does not answer or takes none; all stays in the outbox.
        """
        if self._contract is None:
            return 0
        key = QueueKeys(self._namespace, queue).one("outbox")
        with translated_errors():
            found = cast(
                "list[tuple[bytes, dict[bytes, bytes]]]",
                self._client.xrange(key, count=BATCH),
            )
        if not found:
            return 0
        entries = [_entry(queue, at, told, self._contract) for at, told in found]
        sound = [entry for entry in entries if entry.request is not None]
        answers = self._producer.enqueue_many([e.request for e in sound if e.request])
        kept = {
            entry.id: answer
            for entry, answer in zip(sound, answers, strict=True)
            if isinstance(answer, BrokerError)
        }
        if done := [entry.id for entry in entries if entry.id not in kept]:
            with translated_errors():
                self._client.xdel(key, *done)
        for error in kept.values():
            raise error
        return len(sound)


def _entry(
    queue: str, at: bytes, told: dict[bytes, bytes], contract: AnyContract
) -> _Entry:
    try:
        data = _webhook(queue, told)
    except (KeyError, ValueError) as error:
        # Its neighbours must not wait for what can never be sent.
        _log.error("callback_unreadable", queue=queue, at=at, reason=str(error))
        return _Entry(at, None)
    name = f"callback:{queue}:{at.decode()}"
    request = Request(
        queue=contract.queue,
        name=contract.name,
        data=data,
        options=JobOptions(job_id=name, tags=("callback",)),
        defaults=contract.defaults,
        operation=name,
    )
    return _Entry(at, request)


def _webhook(queue: str, told: dict[bytes, bytes]) -> bytes:
    """Return the data of a webhook about the end of a job.

    Raises:
        KeyError: When a field is missing.
        ValueError: When a field is damaged.
    """
    state, finished_on = told[b"state"].decode(), int(told[b"finishedOn"])
    job: dict[str, Any] = {
        "id": told[b"jobId"].decode(),
        "queue": queue,
        "name": told[b"task"].decode(),
        "state": state,
        "attemptsMade": int(told[b"attemptsMade"]),
        "finishedOn": finished_on,
    }
    if b"returnvalue" in told:
        job["returnvalue"] = msgspec.json.decode(told[b"returnvalue"])
    if b"failedReason" in told:
        job["failedReason"] = told[b"failedReason"].decode(errors="replace")
    return _ENCODER.encode(
        {
            "url": told[b"url"].decode(),
            "type": f"job.{state}",
            "payload": job,
            "timestamp": finished_on,
        }
    )
