"""How the servers belong together: nobody else but `connection.py` asks.

One server, a master that Sentinels watch and a Cluster differ in where a key is. What
has to know that, knows it through these functions.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from shared.broker.cluster_client import ClusterClient
from shared.broker.sentinel import MasterPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import redis
    from redis.connection import AbstractConnection


def masters(client: redis.Redis) -> list[redis.Redis]:
    """Return a client of each server that keys are written to."""
    return client.masters() if isinstance(client, ClusterClient) else [client]


def place_of(client: redis.Redis) -> str:
    """Return the `host:port` of one of several masters, empty for a single server."""
    known = client.connection_pool.connection_kwargs
    return f"{known['host']}:{known['port']}" if "host" in known else ""


def has_deputies(client: redis.Redis) -> bool:
    """Whether replicas are meant to take over from a server that is lost."""
    is_watched = isinstance(client.connection_pool, MasterPool)
    return is_watched or isinstance(client, ClusterClient)


def node_of(client: redis.Redis, key: str) -> redis.Redis:
    """Return a client of the server that holds a key now."""
    if isinstance(client, ClusterClient):
        return client.node_of(client.slot(key))
    return client


def leaving_watch(client: redis.Redis) -> Callable[[AbstractConnection], bool]:
    """Return what tells that a connection leads to a master that was replaced."""
    pool = client.connection_pool
    return pool.has_left if isinstance(pool, MasterPool) else _stays


def _stays(_connection: AbstractConnection) -> bool:
    return False


def learn(client: redis.Redis, error: Exception, node: redis.Redis) -> None:
    """Take in what an error of a connection to `node` tells about the others."""
    if isinstance(client, ClusterClient):
        client.learn(error, node)


def together(client: redis.Redis, keys: Iterable[str]) -> list[list[str]]:
    """Return the keys in groups, each of which one command may name."""
    if not isinstance(client, ClusterClient):
        return [list(keys)]
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for key in keys:
        groups[client.slot(key)].append(key)
    return list(groups.values())
