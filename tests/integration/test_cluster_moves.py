"""A slot that went to another node is found there, by every way of asking."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import redis

from shared.access.keys import ApiKeys
from shared.access.principal import Scope
from shared.access.token_store import TokenStore
from shared.broker.claim_line import ClaimLine
from shared.broker.connection import connect
from shared.broker.durability import Durability
from shared.broker.event_reader import EventReader
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.operator import Limits, Operator
from shared.broker.producer import Producer, Request
from shared.broker.scripts import Scripts
from shared.broker.wake import WakeListener
from shared.errors import NotConfirmedError, RedisUnavailableError
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.redis_cluster import running_cluster
from tests.support.slot_move import SlotMove
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.redis_cluster import RedisCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with running_cluster() as cluster:
        yield cluster


class Place:
    """A client of the Cluster, and a queue whose slot can be moved."""

    def __init__(
        self, cluster: RedisCluster, client: redis.Redis, namespace: str
    ) -> None:
        self.cluster = cluster
        self.client = client
        self.namespace = namespace
        self.keys = QueueKeys(namespace, "email")
        self.scripts = Scripts(client, self.keys)
        self.producer = Producer(client, namespace=namespace)
        self.inspector = Inspector(client, namespace=namespace, catalogue={})
        self.operator = Operator(client, namespace=namespace, catalogue={})

    def add(self, job_id: str) -> None:
        wish = JobOptions(job_id=job_id)
        self.producer.enqueue(Request("email", "task", b"{}", wish))

    def waiting(self) -> int:
        return self.inspector.counts("email")[JobState.WAITING]

    def move(self, prefix: str = "") -> None:
        with self.moving(prefix):
            pass

    @contextmanager
    def moving(self, prefix: str = "") -> Iterator[None]:
        """Move a slot; while the block lasts all keys are there but nobody knows."""
        words = ("CLUSTER", "KEYSLOT", prefix or self.keys.prefix)
        slot = self.client.execute_command(*words)
        source = self.cluster.owner(slot)
        target = next(node for node in self.cluster.nodes if node is not source)
        with SlotMove(self.cluster, slot, source, target) as move:
            assert move.keys
            yield


@pytest.fixture
def place(cluster: RedisCluster, namespace: str) -> Iterator[Place]:
    with connect(cluster.url) as client:
        place = Place(cluster, client, namespace)
        place.add("first")
        yield place


def test_a_script_finds_its_queue(place: Place) -> None:
    place.move()

    place.add("second")

    assert place.waiting() == 2


def test_a_script_waits_until_all_keys_have_come(place: Place) -> None:
    place.operator.set_limits("email", Limits(concurrency=7))
    with place.moving():
        # What needs one key alone is answered where the key is.
        assert place.operator.limits("email").concurrency == 7
        with pytest.raises(RedisUnavailableError, match="not ready"):
            place.add("second")

    assert place.waiting() == 1


def test_a_pipeline_finds_the_queues(place: Place) -> None:
    place.producer.enqueue(Request("image", "task", b"{}", JobOptions()))
    assert place.inspector.stats_of(["email", "image"])
    place.move()

    stats = place.inspector.stats_of(["email", "image"])
    [job] = place.inspector.jobs("email", ["first"])

    assert [s.counts[JobState.WAITING] for s in stats.values()] == [1, 1]
    assert job is not None


def test_a_confirmation_is_asked_where_the_job_is(place: Place) -> None:
    producer = Producer(
        place.client, namespace=place.namespace, durability=Durability.REPLICATED
    )
    place.move()

    # No node of this Cluster has a replica; the job is there all the same.
    with pytest.raises(NotConfirmedError):
        producer.enqueue(Request("email", "task", b"{}", JobOptions()))

    assert place.waiting() == 2


def test_transactions_find_their_keys(place: Place) -> None:
    store = TokenStore(place.client, namespace=place.namespace)
    kept = store.create("kept", scopes=[Scope.READ])
    gone = store.create("gone", scopes=[Scope.READ])
    prefix = ApiKeys(place.namespace).prefix

    place.move(prefix)
    rotated = store.rotate(kept.token.id, overlap_s=0)
    place.move(prefix)
    revoked = store.revoke(gone.token.id)

    assert rotated is not None
    assert revoked
    assert [token.id for token in store.all()] == [kept.token.id]
    assert store.authenticate(rotated.text) is not None


def test_who_waits_for_work_is_woken_and_waits_on_there(place: Place) -> None:
    wake = WakeListener(place.client, place.keys.one("wake"))
    assert wake.wait(timeout_s=5)
    assert not wake.wait(timeout_s=0.05)

    place.move()

    assert wake.wait(timeout_s=10)
    assert not wake.wait(timeout_s=0.05)
    place.add("second")
    assert wake.wait(timeout_s=10)
    wake.close()


def test_a_claim_that_was_asked_for_ahead_is_answered(place: Place) -> None:
    line = ClaimLine(place.client, place.scripts, worker="w", lease_ms=60_000)
    assert [job.job_id for job in line.claim(1).jobs] == ["first"]
    place.add("second")
    place.move()

    line.ask(5)

    assert [job.job_id for job in line.answer().jobs] == ["second"]
    line.close()


def test_events_of_several_queues_are_told_on(place: Place) -> None:
    reader = EventReader(place.client, namespace=place.namespace)
    ends = reader.tail_ids(["email", "image"])
    assert not reader.read(ends, block_ms=20)
    place.move()

    # The line was cut; who listens begins again where he was.
    with pytest.raises(RedisUnavailableError):
        reader.read(ends, block_ms=5_000)
    place.add("second")
    told = reader.read(ends, block_ms=5_000)
    [one_queue] = reader.read({"email": ends["email"]}, block_ms=5_000)

    assert [event.job_id for event in told] == ["second"]
    assert one_queue == told[0]


def test_keys_of_all_masters_are_walked(place: Place) -> None:
    for queue in ("image", "media", "report", "webhook"):
        place.producer.enqueue(Request(queue, "task", b"{}", JobOptions()))

    found = set(place.client.scan_iter(f"{place.namespace}:*:waiting"))

    assert len(found) == 5
    with pytest.raises(redis.exceptions.RedisError, match="scan_iter"):
        place.client.scan()


def test_a_master_that_is_away_takes_only_its_own_keys_along(namespace: str) -> None:
    with (
        running_cluster(cluster_require_full_coverage="no") as cluster,
        connect(cluster.url) as client,
    ):
        place = Place(cluster, client, namespace)
        place.add("first")
        place.producer.enqueue(Request("image", "task", b"{}", JobOptions()))
        words = ("CLUSTER", "KEYSLOT", place.keys.prefix)
        lost = cluster.owner(client.execute_command(*words))

        lost.server.kill()

        with pytest.raises(RedisUnavailableError):
            place.waiting()
        with pytest.raises(RedisUnavailableError):
            place.inspector.stats_of(["image", "email"])
        assert place.inspector.counts("image")[JobState.WAITING] == 1
        assert client.ping()
        assert client.script_load("return 1")

        lost.server.start()

        def is_back() -> bool:
            with suppress(RedisUnavailableError):
                return place.waiting() == 1
            return False

        wait_for(is_back, within_s=60, what="the queue of the master that was away")
