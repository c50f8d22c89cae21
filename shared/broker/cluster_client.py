"""A client of a Redis Cluster that is used like a client of one server.

redis-py's own is another class than its `Redis`, connects as soon as it is made, and
sends commands again by itself. Ours is a `Redis`, connects when it is used, and sends
a command again only when a node refused it, which is always safe.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

import redis
from redis.connection import parse_url
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, TryAgainError

from shared.broker.cluster_map import ClusterMap, Place
from shared.broker.cluster_pipeline import ClusterPipeline, send_together, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from redis.typing import EncodableT

    from shared.redis_address import RedisAddress

T = TypeVar("T")

#: How often a command follows a redirection or waits for a slot at most.
MOST_TURNS = 10
#: Wait while a slot's keys are on their way to another node, in seconds.
MOVING_PAUSE_S = 0.05

_Unreachable = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError)
#: First words of commands that name no key.
_KEYLESS = frozenset(
    """
    ACL ASKING AUTH BGREWRITEAOF BGSAVE CLIENT CLUSTER COMMAND CONFIG DBSIZE DISCARD
    ECHO EXEC FAILOVER FLUSHALL FLUSHDB HELLO INFO LASTSAVE LATENCY LOLWUT MODULE MULTI
    PING QUIT RANDOMKEY READONLY READWRITE REPLICAOF RESET ROLE SAVE SCAN SCRIPT SELECT
    SHUTDOWN SLOWLOG SWAPDB TIME UNWATCH WAIT WAITAOF
    """.split()  # noqa: SIM905 - a list would take forty lines
)
#: Commands whose words say where their keys are.
_NUMBERED = frozenset(("EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL", "FCALL_RO"))
_STREAMS = frozenset(("XREAD", "XREADGROUP"))
#: Commands with a word before the key.
_SECOND = frozenset(("OBJECT", "MEMORY", "DEBUG", "XINFO", "XGROUP", "BITOP"))
#: Commands that every master is told.
_FOR_ALL = ("SCRIPT", "FLUSHALL", "FLUSHDB")


class ClusterClient(redis.Redis):
    """Sends each command to the node that holds its key.

    A command without a key goes to the node of slot 0, so that all processes read one
    clock; scripts are loaded by every master, a PING is answered by any.
    """

    def __init__(self, address: RedisAddress, options: Mapping[str, Any]) -> None:
        """Prepare; nothing is sent yet.

        Args:
            address: The nodes to begin with, and the login of all.
            options: Those of each node's BlockingConnectionPool.
        """
        login = parse_url(address.server_url)
        for name in ("host", "port", "db"):
            login.pop(name, None)

        def make_client(host: str, port: int) -> redis.Redis:
            pool = redis.BlockingConnectionPool(
                **{**login, **options, "host": host, "port": port}
            )
            client = redis.Redis(connection_pool=pool)
            client.auto_close_connection_pool = True
            return client

        self._map = ClusterMap(address.hosts, make_client)
        first = self._map.at(address.hosts[0])
        super().__init__(connection_pool=first.connection_pool)

    # What redis-py's methods are made of

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send a command where it belongs, following redirections."""
        slot = self.slot_of(args)
        if slot is None:
            return self._without_key(args, options)

        def send(node: redis.Redis, *, is_asking: bool) -> Any:
            if is_asking:
                return told(send_together(node, [(args, options)], is_asking=True)[0])
            # The driver takes words out of the options as it goes.
            return node.execute_command(*args, **options)

        return self.redirected(slot, send)

    def pipeline(
        self,
        transaction: bool = True,  # noqa: FBT001, FBT002 - redis-py's signature
        shard_hint: Any = None,
    ) -> ClusterPipeline:
        """Return a pipeline whose commands may belong to several nodes.

        A transaction's keys must share a slot.
        """
        del shard_hint
        return ClusterPipeline(self, transaction=transaction)

    def scan_iter(self, *args: Any, **options: Any) -> Iterator[Any]:
        """Give the keys of all masters."""
        for node in self.masters():
            yield from node.scan_iter(*args, **options)

    def close(self) -> None:
        """Close the connections to all nodes."""
        if hasattr(self, "_map"):
            self._map.close()

    # What the rest of this package needs

    def masters(self) -> list[redis.Redis]:
        """Return a client of each master."""
        return [self._map.at(place) for place in self._told(self._map.masters)]

    def slot(self, key: EncodableT) -> int:
        """Return the slot of a key."""
        return key_slot(self.get_encoder().encode(key))

    def slot_of(self, args: Sequence[Any]) -> int | None:
        """Return the slot of a command, None when it has no key."""
        key = _key_of(args)
        return None if key is None else self.slot(key)

    def node_of(self, slot: int) -> redis.Redis:
        """Return the client of the node that holds a slot."""
        return self._map.at(self._told(lambda: self._map.owner(slot)))

    def learn(self, error: Exception, node: redis.Redis) -> None:
        """Take in what an error tells about the Cluster."""
        if isinstance(error, MovedError):
            self._map.moved(error.slot_id, _place(error, node))
        elif isinstance(error, (*_Unreachable, ClusterDownError)):
            self._map.doubt(_place_of(node))

    def redirected(self, slot: int, send: Callable[..., T]) -> T:
        """Call `send` with a node's client until it is the right one.

        Raises:
            redis.exceptions.RedisError: What the last node answered.
        """
        node, is_asking = self.node_of(slot), False
        for turn in range(MOST_TURNS):
            is_last = turn + 1 == MOST_TURNS
            try:
                return send(node, is_asking=is_asking)
            except MovedError as error:
                self.learn(error, node)
                if is_last:
                    raise
                node, is_asking = self._map.at(_place(error, node)), False
            except AskError as error:
                if is_last:
                    raise
                node, is_asking = self._map.at(_place(error, node)), True
            except TryAgainError:
                if is_last:
                    raise
                time.sleep(MOVING_PAUSE_S)
                node, is_asking = self.node_of(slot), False
            except (*_Unreachable, ClusterDownError) as error:
                self.learn(error, node)
                raise
        raise AssertionError  # the last turn returns or raises

    # Our own

    def _without_key(self, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        word = _word(args)
        if word == "SCAN":
            message = "A Cluster has no common cursor; use scan_iter."
            raise redis.exceptions.RedisError(message)
        if word not in (*_FOR_ALL, "PING"):
            return self._send(self.node_of(0), args, options)
        answers, error = [], None
        for node in self.masters():
            try:
                answers.append(self._send(node, args, options))
            except _Unreachable as unreachable:
                # Who is away loads a script when it is refused there.
                error = unreachable
                continue
            if word == "PING":
                break
        if not answers:
            raise error or redis.exceptions.ConnectionError("There is no master.")
        return answers[0]

    def _send(
        self, node: redis.Redis, args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        try:
            return node.execute_command(*args, **options)
        except redis.exceptions.RedisError as error:
            self.learn(error, node)
            raise

    def _told(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except redis.exceptions.ResponseError as error:
            if "cluster support disabled" not in str(error):
                raise
            message = (
                "The server is no Cluster node: name it in REDIS_URL with redis:// or "
                "rediss://."
            )
            raise redis.exceptions.ResponseError(message) from error


def _word(args: Sequence[Any]) -> str:
    return str(args[0]).partition(" ")[0].upper()


def _key_of(args: Sequence[Any]) -> Any:
    """Return a command's first key, None when it has none."""
    word = _word(args)
    if word in _KEYLESS:
        return None
    if word in _NUMBERED:
        return args[3] if int(args[2]) else None
    if word in _STREAMS:
        # redis-py sends the word as bytes.
        words = [part.decode() if isinstance(part, bytes) else part for part in args]
        return args[words.index("STREAMS") + 1]
    # Some methods of redis-py send "OBJECT", "IDLETIME", others "MEMORY USAGE".
    place = 2 if word in _SECOND and " " not in str(args[0]) else 1
    return args[place] if len(args) > place else None


def _place(error: AskError, node: redis.Redis) -> Place:
    # An empty host means the node that answers.
    return error.host or _place_of(node)[0], error.port


def _place_of(node: redis.Redis) -> Place:
    known = node.connection_pool.connection_kwargs
    return known["host"], known["port"]
