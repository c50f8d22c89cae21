"""A real Redis Cluster on the loopback."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from shared.broker.connection import connect
from tests.support.redis_nodes import RedisNode
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import redis

SLOTS = 16_384


class RedisCluster:
    """Masters that share the slots, and as many replicas of each as are wanted."""

    def __init__(
        self,
        *,
        masters: int,
        replicas: int,
        node_timeout_ms: int,
        options: Mapping[str, str],
    ) -> None:
        """Describe it; `with` starts it.

        Args:
            masters: How many masters.
            replicas: How many replicas each of them has.
            node_timeout_ms: After how long a silent node counts as failed.
            options: Directives of redis.conf for every node.
        """
        self._counts = masters, replicas
        self._options = {
            "cluster-enabled": "yes",
            "cluster-port": "{bus}",
            "cluster-node-timeout": str(node_timeout_ms),
            "cluster-replica-validity-factor": "0",
            "repl-diskless-sync-delay": "0",
            **options,
        }
        self._stack = ExitStack()
        self.nodes: list[RedisNode] = []
        self._clients: dict[int, redis.Redis] = {}

    @property
    def url(self) -> str:
        """What REDIS_URL would be."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis+cluster://{places}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def client_of(self, node: RedisNode) -> redis.Redis:
        """Return a client of one node, which follows no redirection."""
        client = self._clients.get(node.port)
        if client is None:
            client = self._stack.enter_context(connect(node.server.url))
            self._clients[node.port] = client
        return client

    def ask(self, node: RedisNode, *words: Any) -> Any:
        """Send a CLUSTER command to one node."""
        return self.client_of(node).execute_command("CLUSTER", *words)

    def id_of(self, node: RedisNode) -> str:
        """Return a node's name in the Cluster."""
        return str(self.ask(node, "MYID").decode())

    def owner(self, slot: int) -> RedisNode:
        """Return the master that holds a slot, as the living nodes see it."""
        living = next(node for node in self.nodes if node.server.is_running)
        for first, last, master, *_ in self.ask(living, "SLOTS"):
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == master[1])
        message = f"nobody has slot {slot}"
        raise AssertionError(message)

    def replica_of(self, master: RedisNode) -> RedisNode:
        """Return a replica of a master."""
        name = self.id_of(master)
        for node in self.nodes:
            for line in self._lines(node):
                if "myself" in line and "slave" in line and name in line:
                    return node
        message = "it has no replica"
        raise AssertionError(message)

    def _start(self) -> None:
        masters, replicas = self._counts
        folder = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-"))
        )
        for number in range(masters * (1 + replicas)):
            node = RedisNode(folder / str(number), self._options)
            self._stack.callback(node.server.kill)
            self.nodes.append(node)
            self.ask(node, "SET-CONFIG-EPOCH", number + 1)
        share = SLOTS // masters
        for number, node in enumerate(self.nodes[:masters]):
            last = SLOTS if number + 1 == masters else share * (number + 1)
            self.ask(node, "ADDSLOTSRANGE", share * number, last - 1)
        first = self.nodes[0]
        for node in self.nodes[1:]:
            bus = self.client_of(node).config_get("cluster-port")["cluster-port"]
            self.ask(first, "MEET", "127.0.0.1", node.port, bus)
        wait_for(self._all_met, within_s=60, what="nodes that know each other")
        for number, node in enumerate(self.nodes[masters:]):
            master = self.id_of(self.nodes[number % masters])
            self.ask(node, "REPLICATE", master)
        wait_for(self.is_well, within_s=60, what="a Cluster that is well")

    def is_well(self) -> bool:
        """Whether every living node sees all slots served and replicas in sync."""
        for node in self.nodes:
            if not node.server.is_running:
                continue
            if b"cluster_state:ok" not in self._info(node):
                return False
            replication = self.client_of(node).info("replication")
            if replication.get("master_link_status", "up") != "up":
                return False
        return True

    def _all_met(self) -> bool:
        seen = [self._lines(node) for node in self.nodes]
        return all(len(lines) == len(self.nodes) for lines in seen) and not any(
            "handshake" in line for lines in seen for line in lines
        )

    def _info(self, node: RedisNode) -> bytes:
        info: Any = self.ask(node, "INFO")
        return info if isinstance(info, bytes) else str(info).encode()

    def _lines(self, node: RedisNode) -> list[str]:
        text: Any = self.ask(node, "NODES")
        return str(text.decode() if isinstance(text, bytes) else text).splitlines()


@contextmanager
def running_cluster(
    *,
    masters: int = 3,
    replicas: int = 0,
    node_timeout_ms: int = 15_000,
    **options: str,
) -> Iterator[RedisCluster]:
    """Run a Cluster in temporary folders until the block ends.

    `options` are directives of redis.conf, with underscores for hyphens.
    """
    cluster = RedisCluster(
        masters=masters,
        replicas=replicas,
        node_timeout_ms=node_timeout_ms,
        options={name.replace("_", "-"): text for name, text in options.items()},
    )
    with cluster:
        yield cluster
