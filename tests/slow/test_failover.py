"""Servers are lost under load; everybody goes on alone, and the cost is known."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from shared import ids
from shared.broker.connection import connect
from shared.broker.durability import Durability
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.producer import Producer, Request
from shared.errors import BrokerError, NotConfirmedError
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.invariants import assert_consistent
from tests.support.persistent_producer import PersistentProducer
from tests.support.redis_cluster import running_cluster
from tests.support.redis_sentinel import running_sentinels
from tests.support.slot_move import SlotMove
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import redis

    from services.worker.context import JobContext
    from shared.contracts.contract import TaskContract
    from tests.support.redis_nodes import RedisNode
    from tests.support.redis_sentinel import RedisWithSentinels

    Tasks = dict[TaskContract[Any, Any], Callable[[Anything, JobContext], Answer]]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: A slow machine may take long; a quick one never waits for it.
WITHIN_S = 120
#: In a Cluster of three masters these are on three.
QUEUES = ("email", "image", "media", "report", "webhook")
#: Jobs before the loss and after it.
ENOUGH = 400


class Done:
    """The jobs that ran, as `queue/id`, and how often."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.runs: dict[str, int] = {}

    def run(self, data: Anything, context: JobContext) -> Answer:
        del data
        name = f"{context.queue}/{context.job_id}"
        with self._lock:
            self.runs[name] = self.runs.get(name, 0) + 1
        return Answer()

    @contextmanager
    def working(
        self, url: str, namespace: str, folder: Path, queues: tuple[str, ...]
    ) -> Iterator[None]:
        tasks: Tasks = {
            contract(f"do-{queue}", queue=queue): self.run for queue in queues
        }
        with (
            built_broker(url, namespace, folder, tasks) as broker,
            running_worker(broker),
        ):
            yield

    def of(self, queue: str) -> int:
        with self._lock:
            return sum(name.startswith(f"{queue}/") for name in self.runs)

    def repeated(self) -> int:
        return sum(count > 1 for count in self.runs.values())


def wait_until_done(done: Done, names: list[str]) -> None:
    wait_for(
        lambda: not set(names) - done.runs.keys(),
        within_s=WITHIN_S,
        what="the end of every acknowledged job",
    )


@pytest.fixture
def sentinels() -> Iterator[RedisWithSentinels]:
    with running_sentinels(down_after_ms=1_000) as sentinels:
        yield sentinels


def test_no_acknowledged_job_is_lost_with_the_master(
    sentinels: RedisWithSentinels, namespace: str, tmp_path: Path
) -> None:
    done = Done()
    with (
        connect(sentinels.url) as client,
        done.working(sentinels.url, namespace, tmp_path, ("email",)),
    ):
        producer = Producer(
            client, namespace=namespace, durability=Durability.REPLICATED
        )
        with PersistentProducer(producer, ["email"], task="do-email") as persistent:
            wait_for(lambda: len(persistent.acknowledged) > ENOUGH, within_s=WITHIN_S)

            sentinels.master.server.kill()

            before = len(persistent.acknowledged)
            wait_for(
                lambda: len(persistent.acknowledged) > before + ENOUGH,
                within_s=WITHIN_S,
                what="jobs on the new master",
            )
        wait_until_done(done, persistent.acknowledged)
    print(  # noqa: T201 - a figure for the documentation
        f"\n{len(persistent.acknowledged)} acknowledged, 0 lost, "
        f"{len(persistent.refusals)} refusals, {done.repeated()} done twice"
    )
    assert persistent.refusals


def test_without_replication_what_no_replica_has_is_lost(
    sentinels: RedisWithSentinels, namespace: str, tmp_path: Path
) -> None:
    master, done = sentinels.master, Done()
    with connect(sentinels.url) as client:
        fast = Producer(client, namespace=namespace)
        safe = Producer(client, namespace=namespace, durability=Durability.REPLICATED)
        safe.enqueue(_request("kept"))
        with _cut_off(master, sentinels.replicas):
            for number in range(10):
                assert fast.enqueue(_request(f"lost-{number}")).created
            with pytest.raises(NotConfirmedError):
                safe.enqueue(_request("told"))
            master.server.kill()

        with done.working(sentinels.url, namespace, tmp_path, ("email",)):
            wait_for(
                lambda: _accepted(safe, "afterwards"),
                within_s=WITHIN_S,
                what="a job on the new master",
            )
            wait_until_done(done, ["email/kept", "email/afterwards"])
        found = Inspector(client, namespace=namespace, catalogue={}).jobs(
            "email", [*(f"lost-{number}" for number in range(10)), "told"]
        )
    assert not any(found)


def test_a_cluster_loses_a_master_and_goes_on(namespace: str, tmp_path: Path) -> None:
    done = Done()
    with (
        running_cluster(replicas=1, node_timeout_ms=2_000) as cluster,
        connect(cluster.url) as client,
        done.working(cluster.url, namespace, tmp_path, QUEUES),
    ):
        producer = Producer(
            client, namespace=namespace, durability=Durability.REPLICATED
        )
        lost = cluster.owner(_slot(client, namespace, "email"))
        with _each_queue(producer) as persistents:
            wait_for(lambda: all(done.of(q) > 50 for q in QUEUES), within_s=WITHIN_S)

            lost.server.kill()

            slot = _slot(client, namespace, "email")
            wait_for(lambda: cluster.owner(slot) is not lost, within_s=WITHIN_S)
            # A replica again: without one, nothing can be confirmed there.
            lost.server.start()
            before = {queue: done.of(queue) for queue in QUEUES}
            wait_for(
                lambda: all(done.of(q) > before[q] + 50 for q in QUEUES),
                within_s=WITHIN_S,
                what="jobs of every queue after the loss",
            )
        names = [name for one in persistents for name in one.acknowledged]
        wait_until_done(done, names)
    refusals = [len(one.refusals) for one in persistents]
    print(  # noqa: T201 - a figure for the documentation
        f"\n{len(names)} acknowledged, 0 lost, refusals by queue {refusals}, "
        f"{done.repeated()} done twice"
    )


def test_only_the_queues_of_a_lost_master_wait(namespace: str, tmp_path: Path) -> None:
    done, may_end = Done(), threading.Event()

    def run_long(data: Anything, context: JobContext) -> Answer:
        may_end.wait(WITHIN_S)
        return done.run(data, context)

    tasks: Tasks = {
        contract("do-email", queue="email"): run_long,
        contract("do-report", queue="report"): run_long,
        contract("do-image", queue="image"): done.run,
    }
    with (
        running_cluster(
            node_timeout_ms=2_000,
            cluster_require_full_coverage="no",
            appendonly="yes",
            appendfsync="always",
        ) as cluster,
        connect(cluster.url) as client,
        built_broker(cluster.url, namespace, tmp_path, tasks) as broker,
        running_worker(broker),
    ):
        producer = Producer(client, namespace=namespace)
        inspector = Inspector(client, namespace=namespace, catalogue={})
        lost = cluster.owner(_slot(client, namespace, "email"))
        for queue in ("report", "image"):
            assert cluster.owner(_slot(client, namespace, queue)) is not lost
        # The first job of a queue enters it in a list, which may be on any master.
        for queue in ("email", "report", "image"):
            producer.enqueue(_request(queue, queue=queue))
        wait_for(lambda: done.of("image"), within_s=WITHIN_S)
        wait_for(lambda: len(broker.running()) == 2, within_s=WITHIN_S)

        lost.server.kill()

        # Longer than a lease: those of the other servers are renewed all the time.
        deadline = time.monotonic() + broker.lease_ms / 1000 + 5
        while time.monotonic() < deadline:
            before = done.of("image")
            assert _accepted(producer, ids.new_id(), queue="image")
            wait_for(lambda before=before: done.of("image") > before, within_s=5)
        may_end.set()
        wait_for(
            lambda: inspector.counts("report")[JobState.COMPLETED] == 1,
            within_s=WITHIN_S,
            what="an outcome beside one that must wait",
        )
        lost.server.start()
        wait_for(
            lambda: _counts(inspector, "email").get(JobState.COMPLETED) == 1,
            within_s=WITHIN_S,
            what="the outcome that had to wait",
        )
    assert done.of("email") == done.of("report") == 1


def test_a_queue_moves_to_another_node_under_load(
    namespace: str, tmp_path: Path
) -> None:
    done = Done()
    with (
        running_cluster() as cluster,
        connect(cluster.url) as client,
        done.working(cluster.url, namespace, tmp_path, ("email",)),
    ):
        producer = Producer(client, namespace=namespace)
        slot = _slot(client, namespace, "email")
        with PersistentProducer(producer, ["email"], task="do-email") as persistent:
            for _ in range(5):
                before = len(persistent.acknowledged)
                wait_for(
                    lambda before=before: len(persistent.acknowledged) > before + 100,
                    within_s=WITHIN_S,
                    what="jobs between two moves",
                )
                source = cluster.owner(slot)
                target = next(node for node in cluster.nodes if node is not source)
                with SlotMove(cluster, slot, source, target) as move:
                    assert move.keys
                assert cluster.owner(slot) is target
                assert not cluster.ask(source, "COUNTKEYSINSLOT", slot)
        wait_until_done(done, persistent.acknowledged)
        stats = Inspector(client, namespace=namespace, catalogue={})
        wait_for(lambda: not any(list(stats.counts("email").values())[:3]))
        assert_consistent(client, QueueKeys(namespace, "email"))
    print(  # noqa: T201 - a figure for the documentation
        f"\n{len(persistent.acknowledged)} acknowledged, 0 lost, "
        f"{len(persistent.refusals)} refusals, {done.repeated()} done twice"
    )


@contextmanager
def _each_queue(producer: Producer) -> Iterator[list[PersistentProducer]]:
    persistents = [
        PersistentProducer(producer, [queue], task=f"do-{queue}", threads=1)
        for queue in QUEUES
    ]
    for one in persistents:
        one.__enter__()
    try:
        yield persistents
    finally:
        for one in persistents:
            one.__exit__()


@contextmanager
def _cut_off(master: RedisNode, replicas: list[RedisNode]) -> Iterator[None]:
    """Keep the replicas from their master while the block lasts."""
    for node in replicas:
        with connect(node.server.url) as client:
            client.config_set("masteruser", "nobody")
            client.config_set("masterauth", "nothing")
    with connect(master.server.url) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: not client.info("replication")["connected_slaves"])
    yield
    for node in replicas:
        with connect(node.server.url) as client:
            client.config_set("masteruser", "")
            client.config_set("masterauth", "")


def _request(job_id: str, *, queue: str = "email") -> Request:
    return Request(queue, f"do-{queue}", b"{}", JobOptions(job_id=job_id))


def _counts(inspector: Inspector, queue: str) -> Mapping[JobState, int]:
    try:
        return inspector.counts(queue)
    except BrokerError:
        return {}


def _accepted(producer: Producer, job_id: str, *, queue: str = "email") -> bool:
    try:
        producer.enqueue(_request(job_id, queue=queue))
    except BrokerError:
        return False
    return True


def _slot(client: redis.Redis, namespace: str, queue: str) -> int:
    slot: int = client.execute_command(
        "CLUSTER", "KEYSLOT", QueueKeys(namespace, queue).prefix
    )
    return slot
