"""Nightshift on Sentinels and on a Cluster; `make test-topologies` tries much more."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.connection import connect, translated_errors
from shared.broker.doctor import Doctor, Severity
from shared.broker.durability import Durability
from shared.broker.event_reader import EventReader
from shared.broker.inspector import Inspector
from shared.broker.producer import Producer, Request
from shared.errors import BrokerError, RedisUnavailableError
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.redis_cluster import running_cluster
from tests.support.redis_nodes import RedisNode
from tests.support.redis_sentinel import SERVICE, running_sentinels
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import redis

    from services.worker.context import JobContext
    from shared.contracts.contract import TaskContract
    from tests.support.redis_cluster import RedisCluster
    from tests.support.redis_sentinel import RedisWithSentinels

    Tasks = dict[TaskContract[Any, Any], Callable[[Anything, JobContext], Answer]]

#: Of these names each of three masters gets at least one.
QUEUES = ("email", "image", "media", "report", "webhook")


@pytest.fixture(scope="module")
def sentinels() -> Iterator[RedisWithSentinels]:
    with running_sentinels() as sentinels:
        yield sentinels


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sentinels", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param).url)


@pytest.fixture
def one(url: str) -> Iterator[redis.Redis]:
    with connect(url) as client:
        yield client


def request(queue: str, job_id: str) -> Request:
    return Request(queue, f"{queue}-task", b"{}", JobOptions(job_id=job_id))


def test_jobs_of_many_queues_are_done_and_told(
    url: str, one: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    def run(data: Anything, context: JobContext) -> Answer:
        del data
        return Answer(text=context.job_id)

    tasks: Tasks = {contract(f"{queue}-task", queue=queue): run for queue in QUEUES}
    producer = Producer(one, namespace=namespace)
    inspector = Inspector(one, namespace=namespace, catalogue={})
    reader = EventReader(one, namespace=namespace)
    ends = reader.tail_ids(QUEUES)

    wishes = [request(q, f"{q}-{n}") for q in QUEUES for n in range(20)]
    told: set[str] = set()

    def all_told() -> bool:
        for event in reader.read(ends, block_ms=200):
            ends[event.queue] = event.id
            if event.name == "completed":
                told.add(event.job_id)
        return len(told) == len(wishes)

    with (
        built_broker(url, namespace, tmp_path, tasks) as broker,
        running_worker(broker),
    ):
        answers = producer.enqueue_many(wishes)
        assert not [answer for answer in answers if isinstance(answer, BrokerError)]
        wait_for(all_told, within_s=60, what="an event of each job's end")

    stats = inspector.stats_of(QUEUES)
    assert {stats[queue].counts[JobState.COMPLETED] for queue in QUEUES} == {20}
    assert inspector.queues() == sorted(QUEUES)
    [job] = inspector.jobs("email", ["email-3"])
    assert job is not None
    assert job.returnvalue == b'{"text":"email-3"}'


def test_the_doctor_looks_at_every_master(one: redis.Redis, namespace: str) -> None:
    producer = Producer(one, namespace=namespace)
    for queue in QUEUES:
        producer.enqueue(request(queue, "waiting"))
    inspector = Inspector(one, namespace=namespace, catalogue={})
    doctor = Doctor(one, namespace=namespace, inspector=inspector)

    found = doctor.examine()

    versions = [f for f in found if f.subject.startswith("version")]
    replicas = [f for f in found if f.subject.startswith("replicas")]
    assert len(versions) == len(replicas) == len(set(versions)) in (1, 3)
    # The Cluster of this test has none, the master of the Sentinels two.
    expected = Severity.GOOD if len(replicas) == 1 else Severity.WARNING
    assert {finding.severity for finding in replicas} == {expected}
    lonely = [f for f in found if "no worker serves it" in f.detail]
    assert len(lonely) == len(QUEUES)
    assert not [p for q in QUEUES for p in doctor.audit(q, mend=False)]


def test_a_replica_confirms_a_job_where_there_is_one(
    one: redis.Redis, namespace: str
) -> None:
    producer = Producer(one, namespace=namespace, durability=Durability.REPLICATED)
    if one.info("replication")["connected_slaves"]:
        assert producer.enqueue(request("email", "one")).created
        return
    with pytest.raises(BrokerError, match="did not confirm"):
        producer.enqueue(request("email", "one"))


def test_a_service_that_the_sentinels_do_not_know_is_unavailable(
    sentinels: RedisWithSentinels,
) -> None:
    with connect(f"{sentinels.url}-else") as client:
        producer = Producer(client, namespace="n")
        with pytest.raises(RedisUnavailableError, match="can't be reached"):
            producer.enqueue(request("email", "one"))


def test_the_old_master_is_left_when_another_is_named(
    sentinels: RedisWithSentinels, namespace: str
) -> None:
    with connect(sentinels.url) as client:
        producer = Producer(client, namespace=namespace)
        inspector = Inspector(client, namespace=namespace, catalogue={})
        producer.enqueue(request("email", "before"))
        old = sentinels.master

        sentinels.sentinels[0].client.execute_command("SENTINEL", "FAILOVER", SERVICE)

        def has_moved_on() -> bool:
            # In the moment of the change itself, each call may fail.
            with suppress(RedisUnavailableError), translated_errors():
                producer.enqueue(request("email", "after"))
                is_new = client.info("server")["tcp_port"] != old.port
                return is_new and all(inspector.jobs("email", ["before", "after"]))
            return False

        wait_for(has_moved_on, within_s=60, what="both jobs on the new master")


def test_a_server_that_is_no_cluster_node_is_told_apart(tmp_path: Path) -> None:
    node = RedisNode(tmp_path / "node", {})
    with node.server, connect(f"redis+cluster://127.0.0.1:{node.port}") as client:
        producer = Producer(client, namespace="n")
        with pytest.raises(BrokerError, match="no Cluster node"):
            producer.enqueue(request("email", "one"))
