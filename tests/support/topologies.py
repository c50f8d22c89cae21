"""One server, a master with Sentinels, or a Cluster, for the same tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support.redis_cluster import running_cluster
from tests.support.redis_sentinel import running_sentinels
from tests.support.redis_server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

TOPOLOGIES = ("server", "sentinel", "cluster")


@contextmanager
def running_redis(topology: str) -> Iterator[str]:
    """Run one of TOPOLOGIES and give its URL."""
    if topology == "cluster":
        with running_cluster() as cluster:
            yield cluster.url
    elif topology == "sentinel":
        with running_sentinels() as sentinels:
            yield sentinels.url
    else:
        with running_server() as server:
            yield server.url
