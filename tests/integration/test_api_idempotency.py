"""`Idempotency-Key`: sent twice, done once."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from services.api.stores.idempotency import IdempotencyStore
from shared.access.keys import ApiKeys
from tests.support.api import Api, FakeWorker, running_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis
    from werkzeug.test import TestResponse

URL = "/api/v1/jobs/demo"
JOB = {"name": "echo", "data": {"msg": "hi"}}


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def add(api: Api, key: str, body: Any = JOB, **options: Any) -> TestResponse:
    return api.post(URL, json=body, headers={"Idempotency-Key": key}, **options)


class KilledError(BaseException):
    """What stands for the end of the process: no code of ours handles it."""


def test_replays_the_answer_to_the_same_request(api: Api) -> None:
    first = add(api, "a")
    again = add(api, "a", json.loads(json.dumps(JOB, sort_keys=True)))

    assert first.status_code == again.status_code == 202
    assert again.get_json() == first.get_json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert api.job_count() == 1


def test_a_quoted_key_is_the_same_key(api: Api) -> None:
    assert add(api, '"a"').get_json() == add(api, "a").get_json()


def test_replays_what_was_true_then(api: Api, redis_url: str, namespace: str) -> None:
    first = add(api, "a").get_json()
    worker = FakeWorker(redis_url, namespace)
    worker.complete(worker.claim())
    worker.close()

    assert add(api, "a").get_json() == first


@pytest.mark.parametrize(
    "other", [{"name": "echo", "data": {"msg": "ho"}}, {**JOB, "opts": {"delay": 1}}]
)
def test_refuses_another_request_with_the_same_key(
    api: Api, other: dict[str, Any]
) -> None:
    add(api, "a")

    response = add(api, "a", other)

    assert response.status_code == 422
    assert response.get_json()["type"] == "/problems/idempotency-key-reused"
    assert add(api, "a").status_code == 202


def test_a_key_belongs_to_one_token_and_address(api: Api) -> None:
    other = api.mint("write")
    add(api, "a")

    assert add(api, "a", token=other).status_code == 202
    assert api.job_count() == 2
    elsewhere = api.post(
        f"{URL}/bulk", json={"jobs": [JOB]}, headers={"Idempotency-Key": "a"}
    )
    assert elsewhere.status_code == 422


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, '"', '""', "a,b\x7f"])
def test_refuses_an_odd_key(api: Api, key: str) -> None:
    response = add(api, key)

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert api.job_count() == 0


def test_forgets_the_key_of_a_refused_request(api: Api) -> None:
    assert add(api, "a", {"name": "echo"}).status_code == 422

    assert add(api, "a").status_code == 202


def test_says_that_the_first_request_is_not_done_yet(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_before(monkeypatch, "finish")
    with pytest.raises(KilledError):
        add(api, "a")
    monkeypatch.undo()

    response = add(api, "a")

    assert response.status_code == 409
    assert response.get_json()["type"] == "/problems/request-in-flight"
    assert response.headers["Retry-After"] == "1"


def test_many_at_once_make_one_job(api: Api) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: add(api, "a"), range(40)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    accepted = {a.get_json()["id"] for a in answers if a.status_code == 202}
    assert len(accepted) == 1
    assert api.job_count() == 1


def kill_before(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    def die(*_: object, **__: object) -> None:
        raise KilledError

    monkeypatch.setattr(IdempotencyStore, method, die)


def let_marks_expire(client: redis.Redis, namespace: str) -> None:
    """Do what ten seconds do to the keys of requests in flight."""
    pattern = f"{ApiKeys(namespace).prefix}in-flight:*"
    for key in client.scan_iter(pattern, count=1000):
        client.delete(key)


def test_a_retry_after_the_api_was_killed_finds_the_job(
    api: Api, client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Killed between the enqueue and the answer, a thousand times.
    kill_before(monkeypatch, "finish")
    monkeypatch.setattr(IdempotencyStore, "release", lambda *_: None)
    monkeypatch.setattr(IdempotencyStore, "forget", lambda *_: None)
    keys = [f"order-{number}" for number in range(1000)]
    for key in keys:
        with pytest.raises(KilledError):
            add(api, key)
    monkeypatch.undo()
    let_marks_expire(client, namespace)
    random.shuffle(keys)

    answers = [add(api, key) for key in keys]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.get_json()["id"] for answer in answers}) == 1000
    assert api.job_count() == 1000


def test_a_retry_keeps_the_callers_own_id(
    api: Api, client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {**JOB, "opts": {"jobId": "mine"}}
    kill_before(monkeypatch, "finish")
    with pytest.raises(KilledError):
        add(api, "a", body)
    monkeypatch.undo()
    let_marks_expire(client, namespace)

    answer = add(api, "a", body)

    assert answer.status_code == 202
    assert answer.get_json()["id"] == "mine"
    assert api.job_count() == 1


def test_a_bulk_that_was_cut_off_is_completed(
    api: Api, client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"jobs": [JOB] * 20}
    headers = {"Idempotency-Key": "a"}
    kill_before(monkeypatch, "finish")
    with pytest.raises(KilledError):
        api.post(f"{URL}/bulk", json=body, headers=headers)
    monkeypatch.undo()
    let_marks_expire(client, namespace)

    first = api.post(f"{URL}/bulk", json=body, headers=headers)
    again = api.post(f"{URL}/bulk", json=body, headers=headers)

    assert first.get_json() == again.get_json()
    assert api.job_count() == 20


def test_an_operation_that_was_begun_is_not_begun_twice(api: Api) -> None:
    api.add()
    headers = {"Idempotency-Key": "a"}

    answers = [
        api.post("/api/v1/queues/demo/drain", json={}, headers=headers)
        for _ in range(2)
    ]

    assert answers[0].get_json()["id"] == answers[1].get_json()["id"]
    assert len(api.get("/api/v1/operations").get_json()["operations"]) == 1
