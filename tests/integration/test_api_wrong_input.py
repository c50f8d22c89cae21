from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import Api, running_api
from tests.support.hostile_json import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "/api/v1/jobs/demo"
GOOD = {"name": "echo", "data": {"msg": "hi"}}


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path, nightshift_max_body_kb=8) as api:
        yield api
        # Whatever a test sent, no job was made of it.
        assert api.job_count() == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"data": {}}, "/name"),
        ({"name": 1}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x" * 65}, "/name"),
        ({"name": "no-such-task"}, "/name"),
        ({"name": "send-email"}, "/name"),
        (GOOD | {"queue": "admin"}, "/queue"),
        (GOOD | {"id": "1"}, "/id"),
        (GOOD | {"a/b~c": 1}, "/a~1b~0c"),
        (GOOD | {"data": None}, "/data"),
        (GOOD | {"data": []}, "/data"),
        (GOOD | {"data": "msg"}, "/data"),
        (GOOD | {"data": {}}, "/data/msg"),
        (GOOD | {"data": {"msg": 5}}, "/data/msg"),
        (GOOD | {"data": {"msg": None}}, "/data/msg"),
        (GOOD | {"data": {"msg": ["hi"]}}, "/data/msg"),
        (GOOD | {"data": {"msg": "hi", "extra": 1}}, "/data/extra"),
        (GOOD | {"data": {"msg": "hi", "steps": "4"}}, "/data/steps"),
        (GOOD | {"data": {"msg": "hi", "steps": 4.5}}, "/data/steps"),
        (GOOD | {"data": {"msg": "hi", "steps": True}}, "/data/steps"),
        (GOOD | {"data": {"msg": "hi", "steps": -1}}, "/data/steps"),
        (GOOD | {"opts": None}, "/opts"),
        (GOOD | {"opts": {"prio": 1}}, "/opts/prio"),
        (GOOD | {"opts": {"priority": 0}}, "/opts/priority"),
        (GOOD | {"opts": {"priority": 10**9}}, "/opts/priority"),
        (GOOD | {"opts": {"attempts": 0}}, "/opts/attempts"),
        (GOOD | {"opts": {"delay": -1}}, "/opts/delay"),
        (GOOD | {"opts": {"delay": "5s"}}, "/opts/delay"),
        (GOOD | {"opts": {"backoff": {"type": "magic"}}}, "/opts/backoff/type"),
        (GOOD | {"opts": {"jobId": "a b"}}, "/opts/jobId"),
        (GOOD | {"opts": {"jobId": "{demo}"}}, "/opts/jobId"),
        (GOOD | {"opts": {"jobId": "x\n"}}, "/opts/jobId"),
        (GOOD | {"opts": {"jobId": "stats"}}, "/opts/jobId"),
        (["name"], ""),
        ("echo", ""),
        (None, ""),
    ],
)
def test_points_to_the_field_that_is_wrong(api: Api, body: Any, pointer: str) -> None:
    response = api.post(URL, data=json.dumps(body), content_type="application/json")

    document = response.get_json()
    assert response.status_code == 422
    assert response.content_type == "application/problem+json"
    assert [error["pointer"] for error in document["errors"]] == [pointer]
    assert document["errors"][0]["detail"]


def test_lists_all_that_is_wrong_at_once(api: Api) -> None:
    body = {"name": "echo", "data": {"steps": -1}, "opts": {"attempts": 0}}

    document = api.post(URL, json=body).get_json()

    pointers = [error["pointer"] for error in document["errors"]]
    assert pointers == ["/data/msg", "/data/steps", "/opts/attempts"]


def test_names_the_tasks_that_the_queue_has(api: Api) -> None:
    document = api.post(URL, json={"name": "send-email"}).get_json()

    assert document["type"] == "/problems/unknown-task"
    assert "echo, maybe-fail" in document["detail"]
    assert "process-image" not in document["detail"]


def test_repeats_no_value_in_an_error(api: Api) -> None:
    body = GOOD | {"data": {"msg": ["hunter2"]}, "opts": {"jobId": "hunter2!"}}

    assert "hunter2" not in api.post(URL, json=body).text


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_refuses_hostile_json(api: Api, body: bytes) -> None:
    for hostile in (body, b'{"name": "echo", "data": {"msg": ' + body + b"}}"):
        response = api.post(URL, data=hostile, content_type="application/json")

        assert response.status_code in {400, 413}
        assert response.content_type == "application/problem+json"


def test_refuses_a_body_that_is_too_large(api: Api) -> None:
    response = api.post(URL, json=GOOD | {"data": {"msg": "x" * 9000}})

    assert response.status_code == 413
    assert response.get_json()["type"] == "/problems/body-too-large"


def test_refuses_what_is_not_declared_as_json(api: Api) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", None):
        response = api.post(URL, data=b'{"name":"echo"}', content_type=content_type)

        assert response.status_code == 415
        assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong-token-0123456789"},
        {"Authorization": "Basic YTpi"},
        {"X-Api-Key": "a-token-for-the-tests-0123456789"},
    ],
)
def test_wants_the_token_before_anything_else(
    api: Api, headers: dict[str, str]
) -> None:
    client = api.app.test_client()
    asked = [
        client.post(URL, json=GOOD, headers=headers),
        client.post(URL, data=b"{", headers=headers),
        client.get(f"{URL}/1", headers=headers),
        client.get(f"{URL}/stats?token=a-token-for-the-tests", headers=headers),
        client.get("/api/v1/tasks", headers=headers),
        client.get("/api/v1/files/x", headers=headers),
        client.post("/api/v1/files", data=b"x", headers=headers),
        client.get("/api/v1/no-such-route", headers=headers),
        client.delete("/api/v1/tasks", headers=headers),
        client.options(URL, headers=headers),
    ]

    documents = []
    for response in asked:
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        document = response.get_json()
        documents.append((document["type"], document["title"], document["detail"]))
    assert len(set(documents)) == 1


def test_opens_only_what_is_named_open(api: Api) -> None:
    client = api.app.test_client()
    for rule in api.app.url_map.iter_rules():
        if rule.endpoint.startswith("ui."):
            continue  # test_ui_every_route.py signs in and out of each
        path = rule.rule.replace("<", "").replace(">", "")
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        method = "GET" if "GET" in methods else min(methods)

        status = client.open(path, method=method).status_code

        if rule.rule == "/docs/<name>":
            continue  # the parts of the page have a test of their own
        is_open = rule.rule in {"/livez", "/readyz", "/metrics", "/docs"}
        assert status == (200 if is_open else 401), rule.rule


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/static/x", 404),
        ("GET", "/api/v1//tasks", 404),
        ("GET", "/api/v1/tasks/", 404),
        ("GET", "//livez", 404),
        ("GET", "/demo/echo", 404),
        ("PUT", "/api/v1/tasks", 405),
        ("DELETE", URL, 405),
        ("FOO", "/livez", 405),
        ("GET", "/api/v1/jobs/demo/1/2/3", 404),
        ("GET", "/api/v1/jobs/demo/..%2f..%2fetc", 404),
        ("GET", "/api/v1/files/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/api/v1/files/%00", 404),
        ("GET", "/%ff%fe", 404),
    ],
)
def test_answers_every_address_with_a_problem(
    api: Api, method: str, path: str, status: int
) -> None:
    headers = {"Authorization": "Bearer a-token-for-the-tests-0123456789"}

    response = api.app.test_client().open(path, method=method, headers=headers)

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert "<" not in response.text.replace(response.get_json()["instance"], "")


@pytest.mark.parametrize("host", ["a b", "[::", "x" * 300, "a\\b", "a@b", ""])
def test_survives_an_odd_host(api: Api, host: str) -> None:
    response = api.app.test_client().get("/livez", headers={"Host": host})

    assert response.status_code in {200, 400}
    assert "html" not in response.content_type
