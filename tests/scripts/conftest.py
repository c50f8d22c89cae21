from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.keys import QueueKeys
from shared.broker.scripts import Patience, Scripts
from tests.support.invariants import assert_consistent
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import QueueProbe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture
def keys(namespace: str) -> QueueKeys:
    """The keys of a queue that no other test has."""
    return QueueKeys(namespace, "mail")


@pytest.fixture
def scripts(client: redis.Redis, keys: QueueKeys) -> Scripts:
    """The scripts on that queue."""
    return Scripts(client, keys)


@pytest.fixture
def unlucky(client: redis.Redis, keys: QueueKeys) -> Scripts:
    """The scripts through a connection that loses the first reply."""
    patience = Patience(tries=2, pause_s=0)
    return Scripts(LossyClient(client), keys, patience=patience)


@pytest.fixture
def queue(client: redis.Redis, keys: QueueKeys, scripts: Scripts) -> QueueProbe:
    """The same queue, to fill and to look into."""
    return QueueProbe(client, keys, scripts)


@pytest.fixture
def damaged() -> None:
    """For a test that breaks its queue on purpose: nobody checks it afterwards."""


@pytest.fixture(autouse=True)
def _queue_is_consistent_afterwards(
    request: pytest.FixtureRequest, client: redis.Redis, keys: QueueKeys
) -> Iterator[None]:
    yield
    if "damaged" not in request.fixturenames:
        assert_consistent(client, keys)
