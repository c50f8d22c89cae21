"""A job that a newer version described is done by this one, and loses no field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shared.broker.connection import connect
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.producer import Producer, Request
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from services.worker.context import JobContext

TASK = contract("greet")


def greet(data: Anything, context: JobContext) -> Answer:
    del context
    return Answer(text=f"Hello, {data.text}")


def state(inspector: Inspector, job_id: str) -> JobState:
    job = inspector.job("test", job_id)
    assert job is not None
    return job.state


@pytest.mark.parametrize("group", ["", "shop-1"])
def test_fields_of_a_newer_version_are_kept_and_do_not_stop_a_job(
    redis_url: str, namespace: str, tmp_path: Path, group: str
) -> None:
    catalogue = {TASK.name: TASK}
    given = JobOptions(attempts=2, group=group or None)
    with connect(redis_url) as client:
        producer = Producer(client, namespace=namespace)
        request = Request("test", TASK.name, b'{"text": "Ada"}', given)
        job_id = producer.enqueue(request).job_id
        key = QueueKeys(namespace, "test").of("job", job_id)
        stored = client.get(key)
        assert isinstance(stored, bytes)
        header, _, body = stored.partition(b"\n")
        document = json.loads(body)
        document["opts"]["colour"] = {"of": "tomorrow"}
        newer = header + b";x=1;later=2\n" + json.dumps(document).encode()
        client.set(key, newer)

        with (
            built_broker(redis_url, namespace, tmp_path, {TASK: greet}) as broker,
            running_worker(broker),
        ):
            inspector = Inspector(client, namespace=namespace, catalogue=catalogue)
            wait_for(lambda: state(inspector, job_id).is_final)
            job = inspector.job("test", job_id)

        assert job is not None
        assert job.state is JobState.COMPLETED
        assert json.loads(job.options.dump())["colour"] == {"of": "tomorrow"}
        assert job.policy.attempts == 2
        kept = client.get(key)
        assert isinstance(kept, bytes)
        assert b";x=1;later=2\n" in kept
        assert b'"colour"' in kept
