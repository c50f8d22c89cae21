from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.keys import QueueKeys
from shared.broker.orders import Completion
from shared.broker.producer import Producer, Request
from shared.broker.scripts import Scripts
from shared.contracts.retention import Retention
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    import redis


@pytest.mark.parametrize("is_bulk", [False, True])
def test_an_operation_sent_by_two_processes_runs_once_although_its_job_was_removed(
    is_bulk: bool,  # noqa: FBT001 - a parameter of the test
    client: redis.Redis,
    namespace: str,
) -> None:
    scripts = Scripts(client, QueueKeys(namespace, "test"))
    request = Request(
        "test", "task", b"{}", JobOptions(job_id="s:1"), operation="slot-1"
    )
    Producer(client, namespace=namespace).enqueue(request)
    [job] = scripts.claim(worker="w", operation="1", count=1, lease_ms=9000).jobs
    scripts.complete([Completion(job.job_id, job.token, b"1", Retention(count=0))])

    successor = Producer(client, namespace=namespace)
    if is_bulk:
        successor.enqueue_many([request])
    else:
        successor.enqueue(request)

    assert scripts.read_counts()[0] == 0
