from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from shared import ids
from shared.broker.connection import connect
from tests.support.jobs import Jobs
from tests.support.topologies import TOPOLOGIES, running_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the same tests run on other topologies; see `make test-topologies`."""
    parser.addoption(
        "--topology", choices=TOPOLOGIES, default="server", help="Redis of the tests"
    )


def pytest_sessionstart() -> None:
    """Let processes hear Ctrl-C, which a background job of a shell ignores."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# A machine that has other work is slow to make inputs; that is no fault of a test.
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of the Redis that the whole test process shares."""
    with running_redis(pytestconfig.getoption("topology")) as url:
        yield url


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
