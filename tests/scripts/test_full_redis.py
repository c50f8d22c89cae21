"""A full Redis refuses new jobs and drains itself of the old ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from shared.broker import script_loader
from shared.broker.connection import connect
from shared.broker.orders import ReleaseOrder
from shared.broker.scripts import DONE, Recovery, Scripts
from shared.errors import RedisFullError
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    another_try,
    completion,
    failure,
    new_job,
)
from tests.support.redis_server import running_server
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.support.queue_probe import QueueProbe


@pytest.fixture(scope="module")
def own_client() -> Iterator[redis.Redis]:
    """A client of a server that no other module has."""
    with running_server() as server, connect(server.url) as client:
        client.set("ballast", b"x" * 2**20)
        yield client


@pytest.fixture
def client(own_client: redis.Redis) -> Iterator[redis.Redis]:
    yield own_client
    own_client.config_set("maxmemory", "0")


@contextmanager
def full(client: redis.Redis) -> Iterator[None]:
    """Let the memory limit be reached until the block ends."""
    client.config_set("maxmemory", "1mb")
    yield
    client.config_set("maxmemory", "0")


@pytest.mark.parametrize("delay_ms", [0, 60_000])
def test_refuses_a_new_job_and_stores_nothing_of_it(
    delay_ms: int, client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    with full(client), pytest.raises(RedisFullError, match="no memory left"):
        scripts.enqueue([new_job("a", delay_ms=delay_ms)])[0]
    assert snapshot(client, queue.keys.prefix) == {}


def test_refuses_a_new_job_also_when_the_script_is_known(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a")
    with full(client), pytest.raises(RedisFullError):
        scripts.enqueue([new_job("b")])[0]
    assert queue.line() == ["a"]


def test_takes_the_refused_job_once_there_is_memory_again(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    with full(client), pytest.raises(RedisFullError):
        scripts.enqueue([new_job("a")])[0]
    assert scripts.enqueue([new_job("a")])[0].created
    assert queue.line() == ["a"]


def test_works_through_what_it_holds(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("done", "failed", "again", "later", "back")
    queue.put("due", delay_ms=1)
    queue.wait_until_due("due")

    with full(client):
        done, failed, again, later, back = queue.claim(5)
        assert scripts.renew([("done", done.token)], lease_ms=60_000) == []
        assert (
            scripts.progress("done", done.token, lease_ms=60_000, progress=b"1") == DONE
        )
        assert scripts.add_log("done", done.token, operation="l", lines=["x"]) == DONE
        assert scripts.complete([completion(done, keep=KEEP_NONE)]) == [DONE]
        assert scripts.fail([failure(failed)]) == [DONE]
        assert scripts.retry([another_try(again)]) == [DONE]
        assert scripts.retry([another_try(later, delay_ms=60_000)]) == [DONE]
        assert scripts.release([ReleaseOrder("back", back.token)]) == [DONE]
        counts = queue.counts()

    assert counts == {
        "waiting": 3,
        "delayed": 1,
        "active": 0,
        "completed": 0,
        "failed": 1,
        "cancelled": 0,
    }


def test_moves_what_falls_due(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", delay_ms=1)
    queue.wait_until_due("a")
    with full(client):
        assert scripts.promote_due(limit=9) == (1, None)


def test_takes_back_the_jobs_of_lost_workers(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.active("a", lease_ms=1)
    queue.wait_until_expired("a")
    with full(client):
        found = [
            scripts.recover(
                gate_ms=0,
                suspect_before_expiry_ms=0,
                suspect_for_ms=0,
                max_stalled=1,
                keep=KEEP_ALL,
            )
            for _ in range(2)
        ]
    assert found == [Recovery(0, 0), Recovery(1, 0)]


def test_answers_questions(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a")
    with full(client):
        assert scripts.read_counts()[0] == 1
        assert scripts.read_job("a") is not None


def test_only_enqueue_is_refused() -> None:
    refused = {
        name
        for name in script_loader.names()
        if script_loader.load(name).source.split("\n", 1)[0] == "#!lua"
    }
    assert refused == {"enqueue"}
