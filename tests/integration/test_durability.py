"""What each level of durability confirms, on real servers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from cli import redis_program
from cli.redis_server import RedisServer
from shared.broker.connection import connect
from shared.broker.durability import Durability
from shared.broker.inspector import Inspector
from shared.broker.producer import Producer, Request
from shared.errors import ConfigurationError, NotConfirmedError
from shared.jobs.options import JobOptions
from tests.support.wait import wait_for
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from pathlib import Path

REQUEST = Request("test", "task", b"{}", JobOptions(job_id="one"))


def test_fsync_waits_for_the_disk(tmp_path: Path) -> None:
    # The server that comes with us knows WAITAOF; Redis 7.0 does not.
    [program, *_] = redis_program.packaged()
    server = RedisServer(tmp_path, program=program)
    with server, connect(server.url) as client:
        producer = Producer(client, namespace="n", durability=Durability.FSYNC)

        assert producer.enqueue(REQUEST).created
        server.kill()
        server.start()

        inspector = Inspector(client, namespace="n", catalogue={})
        assert inspector.job("test", "one") is not None


def test_fsync_without_an_append_only_file_says_what_is_wrong(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, options={"appendonly": "no"})
    with server, connect(server.url) as client:
        producer = Producer(client, namespace="n", durability=Durability.FSYNC)

        with pytest.raises(ConfigurationError, match="NIGHTSHIFT_DURABILITY=fsync"):
            producer.enqueue(REQUEST)


def test_replicated_needs_a_replica_and_repeats_harmlessly(tmp_path: Path) -> None:
    master = RedisServer(tmp_path / "master", options={"port": "0"})
    with master, connect(master.url) as client:
        producer = Producer(client, namespace="n", durability=Durability.REPLICATED)
        began = time.monotonic()

        with pytest.raises(NotConfirmedError, match="same jobId"):
            producer.enqueue(REQUEST)
        assert time.monotonic() - began < 4

        # It is there all the same, and asking again creates no second one.
        with pytest.raises(NotConfirmedError):
            producer.enqueue(REQUEST)
        inspector = Inspector(client, namespace="n", catalogue={})
        assert inspector.counts("test")["waiting"] == 1


def test_replicated_is_confirmed_by_a_replica(tmp_path: Path) -> None:
    port = free_port()
    options = {"port": str(port), "bind": "127.0.0.1"}
    master = RedisServer(tmp_path / "master", options=options)
    replica = RedisServer(
        tmp_path / "replica", options={"replicaof": f"127.0.0.1 {port}"}
    )
    with master, replica, connect(master.url) as client, connect(replica.url) as copy:
        wait_for(
            lambda: copy.info("replication")["master_link_status"] == "up",
            what="replica in sync",
        )
        producer = Producer(client, namespace="n", durability=Durability.REPLICATED)

        assert producer.enqueue(REQUEST).created

        inspector = Inspector(copy, namespace="n", catalogue={})
        assert inspector.job("test", "one") is not None
