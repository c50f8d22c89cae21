"""A job in the hands of this process: the lease, and the message Dramatiq sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
from dramatiq import Message, MessageProxy

from shared.jobs.outcome import Completed

if TYPE_CHECKING:
    from shared.broker.record import Record
    from shared.jobs.options import Policy
    from shared.jobs.outcome import Outcome


@dataclass(slots=True, eq=False)
class Delivery:
    """One claimed job; times are epoch milliseconds of the server's clock.

    Attributes:
        job_id: The job.
        queue: Its queue.
        token: The lease's fencing token.
        worker: Name of this worker.
        record: What the caller asked for.
        policy: The options that hold.
        attempts_made: Attempts that failed before this one.
        attempts_started: Attempts that began, this one included.
        stalled_counter: Workers that were lost with it.
        processed_on: When it was claimed.
        returnvalue: What the task returned, JSON text.
        thread_id: The thread that runs it now, None while it is not running.
        run_ms: How long task code ran, None when it never did.
        is_lost: Whether the lease turned out to be lost.
        cancelled_at_ms: When this process learnt that the job is to be cancelled, on
            the monotonic clock; None while it is not.
        guarded_at: Where the lease guard has it, None when it does not.
    """

    job_id: str
    queue: str
    token: str
    worker: str
    # What the caller sent may be secret, and Dramatiq logs the arguments of messages.
    record: Record = field(repr=False)
    policy: Policy
    attempts_made: int
    attempts_started: int
    stalled_counter: int
    processed_on: int
    returnvalue: bytes = field(default=b"null", repr=False)
    thread_id: int | None = None
    run_ms: float | None = None
    is_lost: bool = False
    cancelled_at_ms: float | None = None
    guarded_at: int | None = None

    @property
    def has_callback(self) -> bool:
        """Whether its caller may want to be told of its end; rarely wrong."""
        return b'"callback"' in self.record.options

    @property
    def is_unwanted(self) -> bool:
        """Whether its task should stop: it was cancelled, or another worker has it."""
        return self.is_lost or self.cancelled_at_ms is not None

    def __str__(self) -> str:
        return self.job_id


class JobMessage(MessageProxy):
    """A delivery as Dramatiq handles it, until its outcome is committed."""

    def __init__(
        self, message: Message[Any], delivery: Delivery, *, has_contract: bool
    ) -> None:
        """Wrap the message that the actor gets."""
        super().__init__(message)
        # Dramatiq reads these often; as attributes they skip the proxy's detour.
        self.queue_name = message.queue_name
        self.actor_name = message.actor_name
        self.args = message.args
        self.kwargs = message.kwargs
        self.options = message.options
        self.message_id = message.message_id
        self.delivery = delivery
        self.has_contract = has_contract
        #: Decided by the retry middleware; without one, the job completes.
        self.outcome: Outcome | None = None

    def final_outcome(self) -> Outcome:
        """Return how the attempt ended."""
        return self.outcome or Completed(self.delivery.returnvalue)


class _Native(msgspec.Struct):
    """What `actor.send()` sends: a message that no contract describes."""

    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]


_NATIVE = msgspec.json.Decoder(_Native)


def encode_native(message: Message[Any]) -> bytes:
    """Return a Dramatiq message's arguments and options as JSON text.

    Raises:
        TypeError: When an argument can't be JSON.
    """
    native = _Native(list(message.args), message.kwargs, message.options)
    return msgspec.json.encode(native)


def contract_message(delivery: Delivery) -> JobMessage:
    """Return the message for a task with a contract: the actor gets the delivery."""
    options = {"time_limit": delivery.policy.timeout_ms}
    message = _message(delivery, (delivery,), {}, options)
    return JobMessage(message, delivery, has_contract=True)


def native_message(delivery: Delivery) -> JobMessage:
    """Return the message for a plain Dramatiq actor.

    Raises:
        ValueError: When the data is not what `actor.send()` sends.
    """
    try:
        native = _NATIVE.decode(delivery.record.data)
    except msgspec.DecodeError as error:
        text = f"The data is no message of a Dramatiq actor: {error}"
        raise ValueError(text) from error
    options = {**native.options, "retries": delivery.attempts_made}
    message = _message(delivery, tuple(native.args), native.kwargs, options)
    return JobMessage(message, delivery, has_contract=False)


def _message(
    delivery: Delivery,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    options: dict[str, Any],
) -> Message[Any]:
    return Message(
        queue_name=delivery.queue,
        actor_name=delivery.record.task,
        args=args,
        kwargs=kwargs,
        options=options,
        message_id=delivery.job_id,
        message_timestamp=delivery.record.timestamp,
    )
