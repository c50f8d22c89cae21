"""Everything below a prefix of Redis keys, comparable before and after a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis


def snapshot(client: redis.Redis, prefix: str) -> dict[str, tuple[str, Any, bool]]:
    """Return type, content and whether it expires, per key below `prefix`."""
    keys = sorted(keys_below(client, prefix))
    first = client.pipeline(transaction=False)
    for key in keys:
        first.type(key)
        first.pttl(key)
    facts = first.execute()
    kinds = {
        key: (kind.decode(), ttl >= 0)
        for key, kind, ttl in zip(keys, facts[::2], facts[1::2], strict=True)
        if kind != b"none"  # it expired meanwhile
    }
    second = client.pipeline(transaction=False)
    for key, (kind, _) in kinds.items():
        _READERS[kind](second, key)
    contents = zip(kinds.items(), second.execute(), strict=True)
    return {key: (kind, read, expires) for (key, (kind, expires)), read in contents}


def keys_below(client: redis.Redis, prefix: str) -> list[str]:
    """Return all keys that begin with `prefix`."""
    return [key.decode() for key in client.scan_iter(match=f"{prefix}*", count=1000)]


_READERS: dict[str, Callable[[redis.client.Pipeline, str], Any]] = {
    "string": lambda client, key: client.get(key),
    "hash": lambda client, key: client.hgetall(key),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: client.smembers(key),
    "zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    "stream": lambda client, key: client.xrange(key),
}
