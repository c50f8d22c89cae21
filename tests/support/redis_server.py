"""A Redis server for the tests: one per test process, on a Unix socket of its own."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@contextmanager
def running_server(options: Mapping[str, str] | None = None) -> Iterator[RedisServer]:
    """Run a server in a temporary folder until the block ends.

    `NIGHTSHIFT_TEST_REDIS` names the server program; the one that `nightshift up`
    would use runs when it is empty.
    """
    program = os.environ.get("NIGHTSHIFT_TEST_REDIS")
    with tempfile.TemporaryDirectory(prefix="nightshift-") as folder:
        server = RedisServer(
            Path(folder), options=options, program=Path(program) if program else None
        )
        with server:
            yield server
