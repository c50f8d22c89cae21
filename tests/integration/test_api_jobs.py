from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from services.api import long_poll
from services.api.settings import WAITING_REQUESTS
from tests.support.api import Api, FakeWorker, running_api
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.api.event_hub import EventHub


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def worker(redis_url: str, namespace: str) -> Iterator[FakeWorker]:
    worker = FakeWorker(redis_url, namespace)
    yield worker
    worker.close()


def waiting_requests(api: Api) -> int:
    hub: EventHub = api.app.extensions["nightshift.event_hub"]
    return sum(len(events) for events in hub._waiters.values())


def test_accepts_a_job_and_says_where_it_is(api: Api) -> None:
    response = api.add(name="echo", data={"msg": "hi"}, opts={"priority": 2})

    assert response.status_code == 202
    job = response.get_json()
    assert job["queue"] == "demo"
    assert job["name"] == "echo"
    assert job["data"] == {"msg": "hi"}
    assert job["opts"] == {"priority": 2}
    assert job["state"] == "waiting"
    assert job["attemptsMade"] == 0
    assert response.headers["Location"] == f"/api/v1/jobs/demo/{job['id']}"
    assert response.content_type == "application/json"


def test_shows_the_job_just_as_it_was_accepted(api: Api) -> None:
    for opts in ({}, {"delay": 60_000, "attempts": 7, "jobId": "at:noon@home"}):
        accepted = api.add(opts=opts)

        shown = api.get(accepted.headers["Location"])

        assert shown.status_code == 200
        assert shown.get_json() == accepted.get_json()


def test_needs_no_options_and_lets_data_speak_for_itself(api: Api) -> None:
    response = api.post("/api/v1/jobs/demo", json={"name": "echo"})

    # `data` may be left out, but this task needs a message.
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == "/data/msg"


def test_delays_a_job(api: Api) -> None:
    job = api.add(opts={"delay": 60_000}).get_json()

    assert job["state"] == "delayed"
    assert job["due"] == job["timestamp"] + 60_000


def test_creates_a_job_of_the_same_id_once(api: Api) -> None:
    first = api.add(data={"msg": "first"}, opts={"jobId": "once"})
    second = api.add(data={"msg": "second"}, opts={"jobId": "once"})

    assert first.status_code == 202
    assert "deduplicated" not in first.get_json()
    assert second.status_code == 200
    assert second.get_json()["deduplicated"] is True
    assert second.get_json()["data"] == {"msg": "first"}
    assert second.headers["Location"] == first.headers["Location"]
    assert api.job_count() == 1


def test_knows_no_job_of_another_id(api: Api) -> None:
    api.add()

    for job_id in ("absent", "-odd", "a b", "%00", "x" * 200, "%ff"):
        for tail in ("", "/logs", "?wait=25"):
            response = api.get(f"/api/v1/jobs/demo/{job_id}{tail}")
            assert response.status_code == 404
            assert response.get_json()["type"] == "/problems/job-not-found"


def test_knows_no_queue_that_no_task_uses(api: Api) -> None:
    for path in (
        "/x/1",
        "/x/1/logs",
        "/x/stats",
        "/%7Bdemo%7D/stats",
        "/demo:job/stats",
    ):
        response = api.get(f"/api/v1/jobs{path}")
        assert response.status_code == 404
    response = api.add("nowhere")
    assert response.status_code == 404
    assert response.get_json()["type"] == "/problems/unknown-queue"
    assert "demo" in response.get_json()["detail"]


def test_counts_the_jobs_of_a_queue_per_state(api: Api, worker: FakeWorker) -> None:
    for opts in ({}, {}, {}, {"delay": 60_000}):
        api.add(opts=opts)
    worker.complete(worker.claim())
    worker.claim()

    stats = api.get("/api/v1/jobs/demo/stats").get_json()

    assert stats.pop("oldestWaitingMs") >= 0
    assert stats == {
        "queue": "demo",
        "waiting": 1,
        "active": 1,
        "completed": 1,
        "failed": 0,
        "delayed": 1,
        "cancelled": 0,
        "paused": False,
    }


def test_shows_what_a_job_logged(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]
    assert api.get(f"{location}/logs").get_json()["logs"] == []

    worker.log(worker.claim(), "one", "two")

    assert api.get(f"{location}/logs").get_json()["logs"] == ["one", "two"]


def test_answers_a_wait_as_soon_as_the_job_ends(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(api.get, f"{location}?wait=25")
        wait_for(lambda: waiting_requests(api) == 1)
        job = worker.claim()
        began = time.monotonic()
        worker.complete(job)
        response = answer.result(timeout=10)

    assert response.get_json()["state"] == "completed"
    assert response.get_json()["returnvalue"] == {"msg": "hi"}
    assert "Retry-After" not in response.headers
    assert time.monotonic() - began < long_poll.LOOK_AGAIN_S / 2


def test_misses_no_end_however_early_it_comes(api: Api, worker: FakeWorker) -> None:
    # The job ends while the request is on its way, at a different point each time.
    with ThreadPoolExecutor() as pool:
        for i in range(30):
            location = api.add().headers["Location"]
            job = worker.claim()
            answer = pool.submit(api.get, f"{location}?wait=25")
            if i % 3:
                wait_for(lambda: waiting_requests(api) == 1)
            began = time.monotonic()
            worker.complete(job)

            response = answer.result(timeout=10)
            assert response.get_json()["state"] == "completed"
            assert time.monotonic() - began < long_poll.LOOK_AGAIN_S / 2


def test_answers_a_wait_at_its_deadline(api: Api) -> None:
    location = api.add().headers["Location"]

    began = time.monotonic()
    response = api.get(f"{location}?wait=0.3")

    assert 0.3 <= time.monotonic() - began < 3
    assert response.status_code == 200
    assert response.get_json()["state"] == "waiting"
    assert response.headers["Retry-After"] == "1"


def test_does_not_wait_for_a_job_that_ended(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]
    worker.complete(worker.claim())

    assert api.get(f"{location}?wait=25").get_json()["state"] == "completed"


@pytest.mark.parametrize("wait", ["-1", "26", "soon", "", "1e9", "NaN", "1e999", "0x1"])
def test_refuses_an_odd_wait(api: Api, wait: str) -> None:
    location = api.add().headers["Location"]

    response = api.get(f"{location}?wait={wait}")

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["parameter"] == "wait"


def test_keeps_threads_free_of_waiting(api: Api) -> None:
    location = api.add().headers["Location"]

    with ThreadPoolExecutor(WAITING_REQUESTS) as pool:
        for _ in range(WAITING_REQUESTS):
            pool.submit(api.get, f"{location}?wait=25")
        wait_for(lambda: waiting_requests(api) == WAITING_REQUESTS)
        began = time.monotonic()
        one_more = api.get(f"{location}?wait=25")
        took = time.monotonic() - began
        # Also the answer of those that wait when the process is told to end.
        api.app.extensions["nightshift.event_hub"].stop()

    assert took < 5
    assert one_more.status_code == 200
    assert one_more.headers["Retry-After"] == "1"


def test_leaves_no_thread_behind(
    redis_url: str, namespace: str, tmp_path: Path
) -> None:
    with running_api(redis_url, namespace, tmp_path) as api:
        api.get(f"{api.add().headers['Location']}?wait=0.1")
        assert any(thread.name == "event-hub" for thread in threading.enumerate())

    assert not any(thread.name == "event-hub" for thread in threading.enumerate())
