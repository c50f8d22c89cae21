"""What a scrape tells about the queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from services.api.queue_gauges import QueueGauges
from shared.broker.connection import connect
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.operator import Limits, Operator
from shared.broker.producer import Request
from shared.broker.scripts import Scripts
from shared.contracts.contract import GENERAL_DEFAULTS
from shared.jobs.options import JobOptions
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    import redis

    from tests.support.jobs import Jobs

QUEUES = [f"metrics-{number}" for number in range(200)]


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def gauges(client: redis.Redis, namespace: str) -> QueueGauges:
    inspector = Inspector(client, namespace=namespace, catalogue={})
    return QueueGauges(inspector, QUEUES)


def _add(jobs: Jobs, queue: str) -> None:
    request = Request(queue, "echo", b"{}", JobOptions(), GENERAL_DEFAULTS)
    jobs.producer.enqueue(request)


def test_a_scrape_tells_what_redis_holds(gauges: QueueGauges, jobs: Jobs) -> None:
    _add(jobs, "metrics-7")

    gauges.refresh()

    depth = "nightshift_queue_depth"
    assert _value(depth, queue="metrics-7", state="waiting") == 1
    assert _value(depth, queue="metrics-8", state="waiting") == 0
    assert _value("nightshift_queue_paused", queue="metrics-7") == 0
    assert (_value("nightshift_redis_latency_seconds", role="api") or 0) > 0


def test_groups_over_their_rate_are_told(
    gauges: QueueGauges, jobs: Jobs, client: redis.Redis, namespace: str
) -> None:
    keys = QueueKeys(namespace, "metrics-9")
    limits = Limits(rate_max=1, rate_ms=600_000)
    operator = Operator(client, namespace=namespace, catalogue={})
    operator.set_limits("metrics-9", limits, group="acme")
    for _ in range(3):
        options = JobOptions(group="acme")
        jobs.producer.enqueue(
            Request("metrics-9", "echo", b"{}", options, GENERAL_DEFAULTS)
        )
    scripts = Scripts(client, keys)
    for number in range(2):
        scripts.claim(worker="w", operation=str(number), count=1, lease_ms=60_000)

    gauges.refresh()

    assert _value("nightshift_queue_grouped_waiting", queue="metrics-9") == 2
    assert _value("nightshift_queue_groups_over_rate", queue="metrics-9") == 1
    assert _value("nightshift_queue_groups_over_rate", queue="metrics-8") == 0


def test_a_damaged_queue_is_left_out_and_its_neighbours_are_told(
    gauges: QueueGauges, client: redis.Redis, namespace: str
) -> None:
    gauges.refresh()
    client.set(f"{namespace}:{{metrics-3}}:waiting", "no zset")

    gauges.refresh()

    depth = "nightshift_queue_depth"
    assert _value(depth, queue="metrics-3", state="waiting") is None
    assert _value(depth, queue="metrics-4", state="waiting") == 0


def test_without_redis_no_old_number_is_told(gauges: QueueGauges) -> None:
    gauges.refresh()
    with connect(f"redis://127.0.0.1:{free_port()}", timeout_s=0.2) as nowhere:
        inspector = Inspector(nowhere, namespace="x", catalogue={})
        QueueGauges(inspector, QUEUES).refresh()

    depth = "nightshift_queue_depth"
    assert _value(depth, queue="metrics-4", state="waiting") is None
    assert _value("nightshift_redis_latency_seconds", role="api") is None
