from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cli.redis_server import RedisServer
from shared.broker.connection import connect
from shared.errors import RedisUnavailableError
from tests.support.jobs import Jobs
from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from pathlib import Path

    from shared.jobs.job import Job

#: Longer than a lease, so that every lease expires meanwhile.
OUTAGE_S = 20


def test_all_that_was_accepted_before_and_after_an_outage_completes(
    tmp_path: Path, namespace: str
) -> None:
    accepted: list[Job] = []
    refused = 0
    stopping = threading.Event()
    server = RedisServer(tmp_path / "redis")

    def produce() -> None:
        nonlocal refused
        with connect(server.url) as client:
            jobs = Jobs(client, namespace)
            while not stopping.is_set():
                try:
                    accepted.append(jobs.add("echo", {"msg": "x", "stepMs": 10}))
                except RedisUnavailableError:
                    refused += 1
                stopping.wait(0.02)

    with server, WorkerProcess(server.url, namespace, tmp_path):
        producer = threading.Thread(target=produce)
        producer.start()
        with connect(server.url) as client:
            jobs = Jobs(client, namespace)
            long_job = jobs.add("echo", {"msg": "long", "steps": 30, "stepMs": 1000})
            jobs.wait(long_job, state="active")

            server.stop()
            time.sleep(OUTAGE_S)  # the outage itself, not a wait for something
            server.start()

            before = len(accepted)
            deadline = time.monotonic() + 10
            while len(accepted) < before + 20 and time.monotonic() < deadline:
                time.sleep(0.05)
            stopping.set()
            producer.join()
            ends = [jobs.wait_for_end(job) for job in (*accepted, long_job)]

    assert refused > 0
    assert len(accepted) >= before + 20
    assert {job.state.value for job in ends} == {"completed"}
    # The living worker renewed in time: nothing was taken from it.
    assert ends[-1].stalled_counter == 0
    assert sum(job.stalled_counter for job in ends) == 0
