"""How a script reaches Redis: by its SHA-1, once more after a lost reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker import script_loader
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.scripts import Patience, Scripts
from shared.errors import BrokerError, RedisUnavailableError
from tests.support.lossy_client import LossyClient
from tests.support.queue_probe import new_job
from tests.support.redis_server import running_server

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.support.queue_probe import QueueProbe

NO_PAUSE = Patience(tries=3, pause_s=0)


def test_a_server_that_does_not_know_a_script_learns_it(keys: QueueKeys) -> None:
    with running_server() as server, connect(server.url) as client:
        scripts = Scripts(client, keys)
        for flush in (False, True):
            if flush:
                client.script_flush()
            assert scripts.read_counts() == [0] * 10
        sha = script_loader.load("read_counts").sha
        assert client.script_exists(sha) == [True]


def test_every_script_compiles_and_has_the_sha_that_redis_gives_it(
    client: redis.Redis,
) -> None:
    for name in script_loader.names():
        script = script_loader.load(name)
        assert client.script_load(script.source) == script.sha


def test_sends_again_until_a_reply_comes(
    client: redis.Redis, keys: QueueKeys, queue: QueueProbe
) -> None:
    lossy = LossyClient(client, losses=2)
    [enqueued] = Scripts(lossy, keys, patience=NO_PAUSE).enqueue([new_job("a")])
    assert enqueued.created
    assert lossy.sent == 3
    assert queue.line() == ["a"]


def test_gives_up_after_the_last_try(client: redis.Redis, keys: QueueKeys) -> None:
    lossy = LossyClient(client, losses=9)
    with pytest.raises(RedisUnavailableError, match="can't be reached"):
        Scripts(lossy, keys, patience=NO_PAUSE).enqueue([new_job("a")])
    assert lossy.sent == 3


@pytest.mark.timeout(30)
def test_a_refusal_is_not_sent_again(client: redis.Redis, keys: QueueKeys) -> None:
    scripts = Scripts(client, keys, patience=Patience(tries=2, pause_s=60))
    with pytest.raises(BrokerError):
        scripts.promote_due(limit="many")


def test_no_server_is_said_so(tmp_path: Path, keys: QueueKeys) -> None:
    with connect(f"unix://{tmp_path}/none.sock") as client:
        scripts = Scripts(client, keys, patience=NO_PAUSE)
        with pytest.raises(RedisUnavailableError):
            scripts.read_counts()


def test_two_queues_have_nothing_in_common(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe, namespace: str
) -> None:
    other = Scripts(client, QueueKeys(namespace, "mail2"))
    queue.put("a")
    other.enqueue([new_job("a", task="other")])
    queue.claim()
    assert scripts.read_counts()[:3] == [0, 0, 1]
    assert other.read_counts()[:3] == [1, 0, 0]
