from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.broker.connection import connect
from tests.support.jobs import Jobs
from tests.support.redis_server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a server that the whole test process shares."""
    with running_server() as server:
        yield server.url


@pytest.fixture
def namespace() -> str:
    """A prefix of Redis keys that no other test has."""
    return f"t{ids.new_id()}"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        yield client


@pytest.fixture
def jobs(client: redis.Redis, namespace: str) -> Jobs:
    return Jobs(client, namespace)
