"""How safe a job is when its caller is told that it was accepted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import redis

from shared.errors import ConfigurationError, NotConfirmedError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How long a confirmation may take, in milliseconds.
CONFIRMATION_MS = 1_000


class Durability(StrEnum):
    """What has happened to a job before it counts as accepted.

    Attributes:
        MEMORY: Redis has it. With the append-only file on (`everysec`) it survives the
            end of Redis's process; a power failure may take the last second or two.
        FSYNC: It is on Redis's disk, too. Needs Redis or Valkey 7.2 and the
            append-only file.
        REPLICATED: One replica has it, too; it survives the loss of the master if that
            replica is the one that is promoted.
    """

    MEMORY = "memory"
    FSYNC = "fsync"
    REPLICATED = "replicated"


_QUESTIONS: dict[Durability, tuple[str | int, ...]] = {
    Durability.FSYNC: ("WAITAOF", 1, 0, CONFIRMATION_MS),
    Durability.REPLICATED: ("WAIT", 1, CONFIRMATION_MS),
}


def call_confirmed(
    client: redis.Redis, command: Sequence[Any], durability: Durability
) -> Any:
    """Send a command and, on the same connection, ask whether it is safe.

    Raises:
        NotConfirmedError: When it was done, but is not as safe as asked for.
        ConfigurationError: When this Redis can't promise that.
    """
    pipeline = client.pipeline(transaction=False)
    pipeline.execute_command(*command)
    pipeline.execute_command(*_QUESTIONS[durability])
    reply, confirmation = pipeline.execute(raise_on_error=False)
    if isinstance(reply, Exception):
        raise reply
    if isinstance(confirmation, redis.exceptions.ResponseError):
        message = (
            f"NIGHTSHIFT_DURABILITY={durability} is not possible here: {confirmation}"
        )
        raise ConfigurationError(message)
    if isinstance(confirmation, Exception):
        raise confirmation
    count = confirmation[0] if isinstance(confirmation, list) else confirmation
    if int(count) < 1:
        message = (
            "Redis took the job but did not confirm in time that it is safe. It may or "
            "may not survive; send it again with the same jobId."
        )
        raise NotConfirmedError(message)
    return reply
