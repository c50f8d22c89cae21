"""Redis clients with timeouts, and the translation of a driver's errors into ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from shared import redis_address
from shared.broker import sentinel
from shared.broker.cluster_client import ClusterClient
from shared.errors import (
    BrokerError,
    RecordTypeError,
    RedisFullError,
    RedisUnavailableError,
)
from shared.redis_address import Topology

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How long a call may take, and how long a connection may take to open.
SOCKET_TIMEOUT_S = 2.0


def connect(
    url: str, *, timeout_s: float = SOCKET_TIMEOUT_S, max_connections: int = 64
) -> redis.Redis:
    """Return a client for `url`; nothing is sent yet.

    The driver's own retries are off: it would send a script twice without knowing
    whether that is harmless. `Scripts` repeats what is safe to repeat.

    Args:
        url: `redis://`, `rediss://` or `unix://` for one server; `redis+sentinel://`
            for the master that Sentinels name; `redis+cluster://` for a Cluster; the
            last two also with `rediss`.
        timeout_s: Limit of one call, in seconds.
        max_connections: Limit of the pool, in a Cluster of each node's; a thread waits
            for a free connection.

    Raises:
        ValueError: When the URL is none of these; the message does not repeat it.
    """
    address = redis_address.parse(url)
    options: dict[str, Any] = {
        "max_connections": max_connections,
        "timeout": timeout_s,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 30,
    }
    if address.topology is Topology.CLUSTER:
        return ClusterClient(address, options)
    if address.topology is Topology.SENTINEL:
        return sentinel.connect(address, options)
    pool = redis.BlockingConnectionPool.from_url(address.server_url, **options)
    return redis.Redis(connection_pool=pool)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        RedisUnavailableError: No connection, a time-out, or Redis is loading.
        RedisFullError: The memory limit is reached.
        RecordTypeError: A key of ours holds another type.
        BrokerError: Anything else that Redis answers with.
    """
    try:
        yield
    except redis.exceptions.OutOfMemoryError as error:
        message = "Redis has no memory left for another job."
        raise RedisFullError(message) from error
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError) as error:
        message = "Redis can't be reached."
        raise RedisUnavailableError(message) from error
    except redis.exceptions.ResponseError as error:
        raise _answered(error) from error


#: The driver takes the first word out of the messages of these.
_NotReady = (
    redis.exceptions.ReadOnlyError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
)
#: First words of answers that another try, later or elsewhere, may not get.
_NOT_READY = (
    "LOADING",
    "MASTERDOWN",
    "READONLY",
    "CLUSTERDOWN",
    "BUSY",
    "MISCONF",
    "NOREPLICAS",
    "UNBLOCKED",
)


def _answered(error: redis.exceptions.ResponseError) -> BrokerError:
    text = str(error)
    if "WRONGTYPE" in text:
        return RecordTypeError(text)
    if "OOM" in text:
        return RedisFullError("Redis has no memory left for another job.")
    if isinstance(error, _NotReady) or any(word in text for word in _NOT_READY):
        return RedisUnavailableError(f"Redis is not ready: {text}")
    return BrokerError(text)
