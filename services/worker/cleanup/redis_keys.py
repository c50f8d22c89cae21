"""Removes keys of a team's own Redis: caches, sessions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from shared.broker.connection import connect, translated_errors
from shared.errors import BrokerError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import redis

    from services.worker.cleanup.broom import Broom
    from services.worker.context import JobContext

#: Keys that one step looks at or removes.
_STEP = 500


@contextmanager
def team_redis(context: JobContext) -> Iterator[redis.Redis]:
    """Lend a client of the server that NIGHTSHIFT_CACHE_URL names.

    Raises:
        UnrecoverableError: When it names none.
    """
    url = context.settings.nightshift_cache_url.get_secret_value()
    if not url:
        message = "No cache is configured: set NIGHTSHIFT_CACHE_URL for the worker."
        raise UnrecoverableError(message)
    with connect(url, max_connections=2) as client:
        yield client


def below(client: redis.Redis, prefix: str) -> Iterator[bytes]:
    """Give the keys that begin with `prefix`, in no order."""
    pattern = "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix) + "*"
    with translated_errors():
        yield from client.scan_iter(match=pattern, count=_STEP)


def tagged(client: redis.Redis, tag_key: str) -> Iterator[bytes]:
    """Give the members of the set of a tag."""
    with translated_errors():
        yield from client.sscan_iter(tag_key, count=_STEP)


def sweep(client: redis.Redis, keys: Iterable[bytes], broom: Broom) -> None:
    """Remove `keys`, but for those of Nightshift itself."""
    own = f"{broom.namespace}:".encode()
    others = (key for key in keys if not key.startswith(own))
    for step in _steps(others):
        if broom.must_stop:
            return
        broom.examined += len(step)
        for key in (
            _existing(client, step) if broom.dry_run else _unlinked(client, step)
        ):
            broom.swept(key.decode(errors="replace"))


def sweep_forgotten(
    client: redis.Redis, keys: Iterable[bytes], broom: Broom, *, idle_ms: int
) -> None:
    """Remove those of `keys` that never expire and were not used for `idle_ms`."""
    for step in _steps(keys):
        if broom.must_stop:
            return
        broom.examined += len(step)
        forgotten = _forgotten(client, step, idle_ms=idle_ms)
        found = forgotten if broom.dry_run else _unlinked(client, forgotten)
        for key in found:
            broom.swept(key.decode(errors="replace"))


def _steps(keys: Iterable[bytes]) -> Iterator[list[bytes]]:
    step: list[bytes] = []
    for key in keys:
        step.append(key)
        if len(step) == _STEP:
            yield step
            step = []
    if step:
        yield step


def _existing(client: redis.Redis, keys: list[bytes]) -> list[bytes]:
    return _each(client, "EXISTS", keys)


def _unlinked(client: redis.Redis, keys: list[bytes]) -> list[bytes]:
    return _each(client, "UNLINK", keys)


def _each(client: redis.Redis, command: str, keys: list[bytes]) -> list[bytes]:
    """Send one command per key, so that a Cluster takes it; return the hits."""
    with translated_errors(), client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.execute_command(command, key)
        answers = pipeline.execute()
    return [key for key, answer in zip(keys, answers, strict=True) if answer]


def _forgotten(client: redis.Redis, keys: list[bytes], *, idle_ms: int) -> list[bytes]:
    with translated_errors(), client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
            # Not a use of the key, unlike most commands.
            pipeline.object("IDLETIME", key)
        answers = pipeline.execute(raise_on_error=False)
    found = []
    for place, key in enumerate(keys):
        ttl, idle = answers[2 * place], answers[2 * place + 1]
        if isinstance(idle, Exception):
            message = f"Redis does not tell when keys were last used: {idle}"
            raise BrokerError(message)
        is_idle = idle is not None and cast("int", idle) * 1000 >= idle_ms
        if ttl == -1 and is_idle:
            found.append(key)
    return found
