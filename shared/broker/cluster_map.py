"""Which node of a Cluster holds which keys, as far as we know."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Place = tuple[str, int]

_Unreachable = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)


class ClusterMap:
    """The nodes and their slots; asked for when needed, and anew after a doubt.

    All methods are thread-safe. Those that may have to ask raise the driver's
    ConnectionError when no node answers.
    """

    def __init__(
        self, seeds: Sequence[Place], make_client: Callable[[str, int], redis.Redis]
    ) -> None:
        """Begin with nodes that are known; nothing is sent yet."""
        self._seeds = tuple(seeds)
        self._make_client = make_client
        self._clients: dict[Place, redis.Redis] = {}
        self._owners: dict[int, Place] = {}
        self._replicas: tuple[Place, ...] = ()
        self._suspect: Place | None = None
        self._is_doubtful = True
        self._lock = threading.RLock()

    def at(self, place: Place) -> redis.Redis:
        """Return the client of the node at a place."""
        client = self._clients.get(place)
        if client is None:
            with self._lock:
                client = self._clients.get(place) or self._make_client(*place)
                self._clients[place] = client
        return client

    def owner(self, slot: int) -> Place:
        """Return where a slot's keys are."""
        if self._is_doubtful:
            self._ask()
        place = self._owners.get(slot)
        if place is None:
            self.doubt(None)
            message = f"CLUSTERDOWN No node has slot {slot}."
            raise redis.exceptions.ClusterDownError(message)
        return place

    def masters(self) -> list[Place]:
        """Return the nodes that have slots, sorted."""
        if self._is_doubtful:
            self._ask()
        return sorted(set(self._owners.values()))

    def moved(self, slot: int, place: Place) -> None:
        """Learn from a redirection where a slot's keys are; look at all soon."""
        with self._lock:
            self._owners[slot] = place
            self._is_doubtful = True

    def doubt(self, place: Place | None) -> None:
        """Ask again before the next use: a node failed, or the slots have changed."""
        self._suspect = place
        self._is_doubtful = True

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()

    def _ask(self) -> None:
        with self._lock:
            if not self._is_doubtful:
                # Another thread has asked meanwhile.
                return
            error: Exception | None = None
            for place in self._candidates():
                try:
                    reply = self.at(place).execute_command("CLUSTER", "SLOTS")
                except _Unreachable as unreachable:
                    error = unreachable
                    continue
                self._learn(cast("list[Any]", reply), asked=place)
                return
        raise error or redis.exceptions.ConnectionError("There is no node to ask.")

    def _candidates(self) -> Iterator[Place]:
        """Give every node that we heard of, the one that failed last."""
        known = {*self._owners.values()}
        ordered = dict.fromkeys((*sorted(known), *self._replicas, *self._seeds))
        suspect = self._suspect
        yield from (place for place in ordered if place != suspect)
        if suspect is not None and suspect in ordered:
            yield suspect

    def _learn(self, reply: list[Any], *, asked: Place) -> None:
        owners: dict[int, Place] = {}
        replicas: list[Place] = []
        for first, last, *nodes in reply:
            # A node that does not know its own name is the one that was asked.
            places = [(_text(node[0]) or asked[0], int(node[1])) for node in nodes]
            owners |= dict.fromkeys(range(int(first), int(last) + 1), places[0])
            replicas += places[1:]
        self._owners, self._replicas = owners, tuple(dict.fromkeys(replicas))
        self._suspect, self._is_doubtful = None, False


def _text(name: bytes | str | None) -> str:
    if name is None:
        return ""
    text = name.decode() if isinstance(name, bytes) else name
    return "" if text == "?" else text
