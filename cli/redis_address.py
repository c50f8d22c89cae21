"""Where Redis is: what REDIS_URL says, else the one of the local installation."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from cli.errors import CliError
from cli.redis_server import RedisServer
from shared.broker.connection import connect
from shared.errors import RedisUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis


@contextlib.contextmanager
def connected(state_dir: Path) -> Iterator[redis.Redis]:
    """Connect for the length of the block; REDIS_URL, when set, comes first.

    Raises:
        CliError: When the address is not usable, or nobody answers there.
    """
    given = os.environ.get("REDIS_URL")
    url = given or RedisServer(state_dir.resolve() / "redis").url
    try:
        client = connect(url)
    except ValueError as error:
        raise CliError(f"REDIS_URL is not usable: it {error}.") from None
    with client:
        try:
            yield client
        except RedisUnavailableError as error:
            where = "at REDIS_URL" if given else f"for {state_dir}"
            raise CliError(
                f"No Redis answers {where}. Set REDIS_URL, or start one here with "
                "`nightshift up`."
            ) from error
