"""Asks Redis how full it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.connection import translated_errors
from shared.errors import BrokerError, RedisUnavailableError

if TYPE_CHECKING:
    import redis


def used_share(client: redis.Redis) -> float:
    """Return the used share of the memory limit, 0 where there is none.

    Raises:
        RedisUnavailableError: When Redis does not answer.
    """
    try:
        with translated_errors():
            info = client.info("memory")
    except RedisUnavailableError:
        raise
    except BrokerError:
        # A managed Redis may not tell; then only its own refusal counts.
        return 0.0
    limit = int(info.get("maxmemory", 0))
    return int(info.get("used_memory", 0)) / limit if limit else 0.0
