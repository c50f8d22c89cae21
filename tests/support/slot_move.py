"""Moves a slot of a Cluster as `redis-cli --cluster reshard` does, key by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.support.redis_cluster import RedisCluster
    from tests.support.redis_nodes import RedisNode

_TIMEOUT_MS = 5_000


class SlotMove:
    """Begins with the block and ends with it; `keys` are those that were moved."""

    def __init__(
        self, cluster: RedisCluster, slot: int, source: RedisNode, target: RedisNode
    ) -> None:
        """Describe it; nothing is moved yet."""
        self._cluster = cluster
        self._slot = slot
        self._source = source
        self._target = target
        self.keys: list[bytes] = []

    def __enter__(self) -> Self:
        source, target = self._source, self._target
        ask, name = self._cluster.ask, self._cluster.id_of
        ask(target, "SETSLOT", self._slot, "IMPORTING", name(source))
        ask(source, "SETSLOT", self._slot, "MIGRATING", name(target))
        # One at a time: what is half moved is what can go wrong.
        while found := self._next():
            for key in found:
                self._migrate(key)
                self.keys.append(key)
        return self

    def __exit__(self, *_: object) -> None:
        owner = self._cluster.id_of(self._target)
        others = [
            node
            for node in self._cluster.nodes
            if node not in (self._source, self._target)
        ]
        for node in (self._target, self._source, *others):
            self._cluster.ask(node, "SETSLOT", self._slot, "NODE", owner)

    def _next(self) -> list[bytes]:
        found: Any = self._cluster.ask(self._source, "GETKEYSINSLOT", self._slot, 10)
        return list(found)

    def _migrate(self, key: bytes) -> None:
        self._cluster.client_of(self._source).execute_command(
            "MIGRATE", "127.0.0.1", self._target.port, key, 0, _TIMEOUT_MS
        )
