"""Asks Redis how full it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.broker import topology
from shared.broker.connection import translated_errors
from shared.errors import BrokerError, RedisUnavailableError

if TYPE_CHECKING:
    import redis


def used_share(client: redis.Redis) -> float:
    """Return the used share of the memory limit, 0 where there is none.

    In a Cluster it is that of the fullest master.

    Raises:
        RedisUnavailableError: When Redis does not answer.
    """
    try:
        with translated_errors():
            infos = [node.info("memory") for node in topology.masters(client)]
    except RedisUnavailableError:
        raise
    except BrokerError:
        # A managed Redis may not tell; then only its own refusal counts.
        return 0.0
    return max(_share(info) for info in infos)


def _share(info: dict[str, Any]) -> float:
    limit = int(info.get("maxmemory", 0))
    return int(info.get("used_memory", 0)) / limit if limit else 0.0
