"""The doctor finds what is wrong, and mends it without losing a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.commands import nightshift
from shared.broker.doctor import Doctor, Severity
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.orders import StopOrder
from shared.broker.producer import Producer, Request
from shared.broker.scripts import Scripts
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    import redis


class Ward:
    """A queue with jobs to spoil."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self.keys = QueueKeys(namespace, "test")
        self.producer = Producer(client, namespace=namespace)
        self.scripts = Scripts(client, self.keys)
        self.inspector = Inspector(client, namespace=namespace, catalogue={})
        self.doctor = Doctor(client, namespace=namespace, inspector=self.inspector)

    def add(self, job_id: str, **options: object) -> None:
        wish = JobOptions(job_id=job_id, **options)  # type: ignore[arg-type]
        self.producer.enqueue(Request("test", "task", b"{}", wish))

    def state(self, job_id: str) -> str | None:
        job = self.inspector.job("test", job_id)
        return job.state.value if job else None


@pytest.fixture
def ward(client: redis.Redis, namespace: str) -> Ward:
    return Ward(client, namespace)


def test_finds_nothing_in_a_queue_in_order(ward: Ward) -> None:
    ward.add("a")
    ward.add("b", delay=60_000)
    ward.add("c", group="g")
    ward.scripts.claim(worker="w", operation="1", count=1, lease_ms=60_000)

    assert ward.doctor.audit("test", mend=False) == []


def test_names_each_kind_of_disorder_and_mends_it(ward: Ward) -> None:
    for job_id in ("lost", "doubled", "ghost", "torn", "fine"):
        ward.add(job_id)
    ward.add("lost-in-group", group="g")
    ward.client.zrem(ward.keys.one("waiting"), "lost")
    ward.client.zrem(ward.keys.one("grouped"), "lost-in-group")
    ward.client.zrem(ward.keys.of("group", "g"), "lost-in-group")
    ward.client.zadd(ward.keys.one("delayed"), {"doubled": 1})
    ward.client.delete(ward.keys.of("job", "ghost"))
    ward.client.hset(ward.keys.of("run", "torn"), "state", "failed")
    ward.client.rpush(ward.keys.of("logs", "orphan"), "x")

    wrong = {
        "lost": "lost",
        "lost-in-group": "lost",
        "doubled": "doubled",
        "ghost": "ghost",
        "torn": "torn",
        "orphan": "orphan",
    }
    assert dict(ward.doctor.audit("test", mend=False)) == wrong
    assert dict(ward.doctor.audit("test", mend=True)) == wrong
    assert ward.doctor.audit("test", mend=True) == []

    claim = ward.scripts.claim(worker="w", operation="1", count=9, lease_ms=60_000)
    claimed = sorted(job.job_id for job in claim.jobs)
    assert claimed == ["doubled", "fine", "lost", "lost-in-group", "torn"]


def test_a_lost_finished_job_is_filed_where_it_ended(ward: Ward) -> None:
    ward.add("a")
    [job] = ward.scripts.claim(worker="w", operation="1", count=1, lease_ms=60_000).jobs
    attempt = b'{"worker":"w","started":1,"outcome":"cancelled"'
    ward.scripts.stop([StopOrder(job.job_id, job.token, attempt)])
    ward.client.delete(ward.keys.one("cancelled"))

    ward.doctor.audit("test", mend=True)

    assert ward.state("a") == "cancelled"
    assert ward.inspector.counts("test")["cancelled"] == 1


def test_warns_of_a_queue_that_nobody_serves(ward: Ward) -> None:
    ward.add("a")

    [finding] = [f for f in ward.doctor.examine() if f.subject == "queue test"]

    assert finding.severity is Severity.BAD
    assert "no worker" in finding.detail


def test_looks_at_the_servers_settings(ward: Ward) -> None:
    # In a Cluster each master has its own, named after it.
    found = {f.subject.partition(" (")[0]: f for f in ward.doctor.examine()}

    assert found["version"].severity is Severity.GOOD
    assert found["eviction"].severity is Severity.GOOD
    assert found["persistence"].severity is Severity.GOOD
    assert found["clock"].severity is Severity.GOOD


def test_the_command_says_what_it_found_and_its_status_tells(
    ward: Ward, redis_url: str, namespace: str
) -> None:
    ward.add("a")
    ward.client.zrem(ward.keys.one("waiting"), "a")
    arguments = ["doctor", "--redis-url", redis_url, "--namespace", namespace]

    looked = CliRunner().invoke(nightshift, arguments, standalone_mode=False)
    mended = CliRunner().invoke(
        nightshift, [*arguments, "--repair"], standalone_mode=False
    )

    assert looked.return_value == 1
    assert "lost job a (found)" in looked.output
    assert "lost job a (mended)" in mended.output
    assert ward.state("a") == "waiting"
