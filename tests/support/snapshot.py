"""Everything below a prefix of Redis keys, comparable before and after a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


def snapshot(client: redis.Redis, prefix: str) -> dict[str, tuple[str, Any, bool]]:
    """Return type, content and whether it expires, per key below `prefix`."""
    found = {}
    for key in sorted(keys_below(client, prefix)):
        kind = client.type(key).decode()
        if kind != "none":  # it expired meanwhile
            found[key] = (kind, _READERS[kind](client, key), client.pttl(key) >= 0)
    return found


def keys_below(client: redis.Redis, prefix: str) -> list[str]:
    """Return all keys that begin with `prefix`."""
    return [key.decode() for key in client.scan_iter(match=f"{prefix}*", count=1000)]


_READERS: dict[str, Callable[[redis.Redis, str], Any]] = {
    "string": lambda client, key: client.get(key),
    "hash": lambda client, key: client.hgetall(key),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: client.smembers(key),
    "zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    "stream": lambda client, key: client.xrange(key),
}
