"""Everything that is not a job or a file: probes, metrics, headers, tasks, demo."""

from __future__ import annotations

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from shared.broker.connection import connect
from tests.support.api import Api, FakeWorker, running_api
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

    from cli.redis_server import RedisServer


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(
        redis_url, namespace, tmp_path, nightshift_demo_endpoints=True
    ) as api:
        yield api


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, to be stopped and filled."""
    with running_server({"maxmemory-policy": "noeviction"}) as server:
        yield server


@pytest.fixture
def own_api(server: RedisServer, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(server.url, namespace, tmp_path) as api:
        yield api


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Freeze a process: it keeps its connections and answers nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_lists_every_task_with_its_schemas(api: Api) -> None:
    tasks = {
        task["name"]: task for task in api.get("/api/v1/tasks").get_json()["tasks"]
    }

    echo = tasks["echo"]
    assert echo["queue"] == "demo"
    assert echo["summary"]
    assert echo["data"]["required"] == ["msg"]
    assert echo["data"]["additionalProperties"] is False
    assert "stepMs" in echo["data"]["properties"]
    assert "msg" in echo["result"]["properties"]
    assert tasks["maybe-fail"]["defaults"]["attempts"] == 5
    assert tasks["maybe-fail"]["defaults"]["backoff"]["type"] == "exponential"
    assert {"send-email", "process-image", "deliver-webhook"} <= tasks.keys()


def test_echoes_a_sane_request_id_and_replaces_others(api: Api) -> None:
    client = api.app.test_client()

    for sane in ("abc-123", "01J:x.y_z"):
        response = client.get("/livez", headers={"X-Request-Id": sane})
        assert response.headers["X-Request-Id"] == sane
    for odd in ("", "a b", "x" * 129, "é", "<script>"):
        response = client.get("/livez", headers={"X-Request-Id": odd})
        assert re.fullmatch(r"[0-9a-z]{20}", response.headers["X-Request-Id"])


@pytest.mark.parametrize(
    "path", ["/livez", "/nowhere", "/api/v1/tasks", "/metrics", "/demo/echo?ms=x"]
)
def test_protects_every_answer_by_headers(api: Api, path: str) -> None:
    headers = api.app.test_client().get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in headers


def metric(api: Api, line: str) -> float | None:
    text = api.app.test_client().get("/metrics").text
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else None


def test_counts_requests_by_template_and_never_by_path(api: Api) -> None:
    for job_id in ("one", "two"):
        api.get(f"/api/v1/jobs/demo/{job_id}")
    api.app.test_client().open("/livez", method="BREW")
    api.get("/secret/never-in-a-label")

    text = api.app.test_client().get("/metrics").text

    assert 'route="/api/v1/jobs/<queue>/<job_id>",status="404"' in text
    assert 'method="other",route="unmatched",status="405"' in text
    assert 'route="unmatched",status="404"' in text
    assert "one" not in re.findall(r'"([^"]*)"', text)
    assert "never-in-a-label" not in text


def test_counts_accepted_jobs_once(api: Api) -> None:
    line = 'nightshift_jobs_enqueued_total{queue="demo",task="echo"}'
    before = metric(api, line)
    assert before is not None

    api.add(opts={"jobId": "a"})
    api.add(opts={"jobId": "a"})
    api.add(data={})

    assert metric(api, line) == before + 1


def test_measures_queues_when_somebody_scrapes(api: Api) -> None:
    api.add()
    api.add(opts={"delay": 60_000})

    depth = 'nightshift_queue_depth{queue="demo",state="%s"}'
    assert metric(api, depth % "waiting") == 1
    assert metric(api, depth % "delayed") == 1
    assert metric(api, depth % "failed") == 0
    oldest = 'nightshift_queue_oldest_waiting_age_seconds{queue="demo"}'
    assert metric(api, oldest) is not None


def test_tells_no_old_numbers_without_redis(own_api: Api, server: RedisServer) -> None:
    depth = 'nightshift_queue_depth{queue="demo",state="waiting"}'
    assert metric(own_api, depth) == 0

    server.stop()

    assert metric(own_api, depth) is None
    assert metric(own_api, "nightshift_http_requests_in_progress") == 1


def test_is_alive_without_redis_but_not_ready(
    own_api: Api, server: RedisServer
) -> None:
    client = own_api.app.test_client()
    assert client.get("/readyz").status_code == 200

    server.stop()

    assert client.get("/livez").status_code == 200
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.content_type == "application/problem+json"


def test_answers_503_while_redis_is_down_and_recovers_by_itself(
    own_api: Api, server: RedisServer
) -> None:
    location = own_api.add(opts={"jobId": "kept"}).headers["Location"]
    server.stop()

    calls: list[Callable[[], TestResponse]] = [
        own_api.add,
        lambda: own_api.get(location),
        lambda: own_api.get(f"{location}?wait=25"),
        lambda: own_api.get(f"{location}/logs"),
        lambda: own_api.get("/api/v1/jobs/demo/stats"),
    ]
    for call in calls:
        began = time.monotonic()
        response = call()
        assert time.monotonic() - began < 3
        assert response.status_code == 503
        assert response.content_type == "application/problem+json"
        assert response.get_json()["type"] == "/problems/queue-unavailable"
        assert int(response.headers["Retry-After"]) > 0

    server.start()
    assert own_api.add().status_code == 202
    assert own_api.app.test_client().get("/readyz").status_code == 200


def test_a_wait_survives_a_restart_of_redis(
    own_api: Api, server: RedisServer, namespace: str
) -> None:
    location = own_api.add(opts={"jobId": "kept"}).headers["Location"]

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(own_api.get, f"{location}?wait=25")
        wait_for(lambda: own_api.app.extensions["nightshift.event_hub"]._waiters)
        server.stop()
        server.start()
        worker = FakeWorker(server.url, namespace)
        worker.complete(worker.claim())
        worker.close()
        response = answer.result(timeout=30)

    assert response.status_code == 200
    assert response.get_json()["state"] == "completed"


def test_answers_within_3_s_when_redis_is_silent(
    own_api: Api, server: RedisServer
) -> None:
    own_api.add()
    assert server.pid is not None

    with stopped(server.pid):
        began = time.monotonic()
        response = own_api.add()
        took = time.monotonic() - began

    assert response.status_code == 503
    assert took < 3


def test_says_that_the_queue_is_full(own_api: Api) -> None:
    accepted = own_api.add()
    with connect(own_api.settings.redis_url) as client:
        client.config_set("maxmemory", "1kb")

        response = own_api.add()

        assert response.status_code == 503
        assert response.get_json()["type"] == "/problems/queue-full"
        assert int(response.headers["Retry-After"]) > 0
        # What is there can still be seen.
        assert own_api.get(accepted.headers["Location"]).status_code == 200
        client.config_set("maxmemory", "0")
    assert own_api.add().status_code == 202


def test_demo_echo_needs_no_token(api: Api) -> None:
    response = api.app.test_client().get("/demo/echo?msg=hey+you")

    document = response.get_json()
    assert response.status_code == 202
    assert document["queued"] is True
    assert document["type"] == "echo"
    assert document["queue"] == "demo"
    job = api.get(f"/api/v1/jobs/demo/{document['jobId']}").get_json()
    assert job["name"] == "echo"
    assert job["data"] == {"msg": "hey you"}


def test_demo_delay_puts_the_job_aside(api: Api) -> None:
    response = api.app.test_client().get("/demo/delay?msg=later&ms=60000")

    assert response.get_json()["delay"] == 60_000
    job = api.get(response.headers["Location"]).get_json()
    assert job["state"] == "delayed"
    assert job["delay"] == 60_000


def test_demo_retry_gives_the_job_one_attempt_more_than_failures(api: Api) -> None:
    response = api.app.test_client().get("/demo/retry?msg=again&fail=3")

    job = api.get(response.headers["Location"]).get_json()
    assert job["name"] == "maybe-fail"
    assert job["data"] == {"msg": "again", "fail": 3}
    assert job["attempts"] == 4


def test_demo_works_without_any_parameter(api: Api) -> None:
    for kind in ("echo", "delay", "retry"):
        response = api.app.test_client().get(f"/demo/{kind}")

        assert response.status_code == 202
        assert response.get_json()["type"] == kind


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("delay?ms=soon", "ms"),
        ("delay?ms=-1", "ms"),
        ("retry?fail=1000", "fail"),
        ("echo?msg=" + "x" * 10_001, "msg"),
    ],
)
def test_demo_refuses_odd_parameters(api: Api, path: str, parameter: str) -> None:
    response = api.app.test_client().get(f"/demo/{path}")

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["parameter"] == parameter
    assert api.job_count() == 0


def test_demo_is_off_unless_turned_on(own_api: Api) -> None:
    response = own_api.app.test_client().get("/demo/echo?msg=x")

    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


def test_describes_every_route_and_task_to_programs(api: Api) -> None:
    document = api.get("/api/v1/openapi.json").get_json()

    assert document["openapi"] == "3.1.0"
    for path in ("jobs/demo", "jobs/demo/bulk", "jobs/{queue}/{id}", "tasks", "queues"):
        assert f"/api/v1/{path}" in document["paths"]
    (echo,) = [
        body
        for body in document["paths"]["/api/v1/jobs/demo"]["post"]["requestBody"][
            "content"
        ]["application/json"]["schema"]["oneOf"]
        if body["title"] == "echo"
    ]
    reference = echo["properties"]["data"]["$ref"].rsplit("/", 1)[-1]
    assert "msg" in document["components"]["schemas"][reference]["properties"]
    for text in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert text in document["components"]["schemas"]
