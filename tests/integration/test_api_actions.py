"""Lists, actions on one job and on many, queues, workers, explanations."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.api import back_pressure, job_list
from shared.broker.connection import connect
from shared.broker.inspector import Inspector, Page
from shared.broker.presence import Presence, WorkerInfo
from tests.support.api import Api, FakeWorker, running_api
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

URL = "/api/v1/jobs/demo"
QUEUE = "/api/v1/queues/demo"


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def worker(redis_url: str, namespace: str) -> Iterator[FakeWorker]:
    worker = FakeWorker(redis_url, namespace)
    yield worker
    worker.close()


def state(api: Api, job_id: str) -> str:
    found: str = api.get(f"{URL}/{job_id}").get_json()["state"]
    return found


def fill(api: Api, count: int, **body: Any) -> list[str]:
    job = {"name": "echo", "data": {"msg": "hi"}, **body}
    answer = api.post(f"{URL}/bulk", json={"jobs": [job] * count})
    return [result["id"] for result in answer.get_json()["results"]]


def listed(api: Api, query: str = "") -> list[str]:
    """Return the ids of a list, all of its pages."""
    found, cursor = [], ""
    while True:
        page = api.get(f"{URL}?{query}{cursor}").get_json()
        found += [job["id"] for job in page["jobs"]]
        if page["nextCursor"] is None:
            return found
        cursor = f"&cursor={page['nextCursor']}"


def run(api: Api, action: str, **body: Any) -> dict[str, Any]:
    """Carry a bulk action out; return the operation when it has ended."""
    started = api.post(f"{QUEUE}/{action}", json=body)
    assert started.status_code == 202, started.text
    location = started.headers["Location"]

    def ended() -> dict[str, Any] | None:
        operation: dict[str, Any] = api.get(location).get_json()
        return operation if operation["state"] != "running" else None

    found = wait_for(ended)
    assert found is not None
    return found


def test_accepts_a_bulk_item_by_item(api: Api) -> None:
    jobs = [
        {"name": "echo", "data": {"msg": "a"}},
        {"name": "echo", "data": {}},
        {"name": "send-email"},
        {"name": "echo", "data": {"msg": "b"}, "opts": {"jobId": "mine"}},
        {"name": "echo", "data": {"msg": "c"}, "opts": {"jobId": "mine"}},
    ]

    response = api.post(f"{URL}/bulk", json={"jobs": jobs})

    document = response.get_json()
    assert response.status_code == 207
    assert (document["accepted"], document["refused"]) == (3, 2)
    results = document["results"]
    assert [r["index"] for r in results] == [0, 1, 2, 3, 4]
    assert [r["status"] for r in results] == [202, 422, 422, 202, 200]
    assert results[1]["error"]["errors"][0]["pointer"] == "/data/msg"
    assert api.get(results[0]["location"]).get_json()["data"] == {"msg": "a"}
    assert results[4]["id"] == "mine"
    assert api.job_count() == 2


@pytest.mark.parametrize(
    "body", [{}, {"jobs": []}, {"jobs": [{}]}, {"jobs": [1]}, {"jobs": [{}] * 1001}]
)
def test_refuses_a_bulk_that_is_none(api: Api, body: dict[str, Any]) -> None:
    assert api.post(f"{URL}/bulk", json=body).status_code == 422
    assert api.job_count() == 0


def test_lists_jobs_page_by_page(api: Api, worker: FakeWorker) -> None:
    ids = fill(api, 7)
    delayed = fill(api, 3, opts={"delay": 60_000})
    worker.complete(worker.claim())

    assert listed(api, "limit=2&state=waiting") == ids[1:]
    assert listed(api, "limit=3&state=waiting&order=desc") == ids[:0:-1]
    assert listed(api, "limit=4&state=completed,delayed") == [ids[0], *sorted(delayed)]
    assert set(listed(api, "limit=3")) == {*ids, *delayed}


def test_filters_by_what_a_job_is(api: Api) -> None:
    (tagged,) = fill(api, 1, opts={"tags": ["red", "big"], "group": "acme"})
    (spoken,) = fill(api, 1, data={"msg": "Größe: RED ALERT"})
    (other,) = fill(api, 1, name="maybe-fail", data={"msg": "x", "fail": 1})

    assert listed(api, "tag=red") == [tagged]
    assert listed(api, "group=acme") == [tagged]
    assert listed(api, "name=maybe-fail") == [other]
    assert set(listed(api, "q=red")) == {tagged, spoken}
    assert listed(api, "q=gr%C3%B6sse") == [spoken]
    assert listed(api, f"q={other}") == [other]
    assert listed(api, "tag=red&name=maybe-fail") == []
    at = api.get(f"{URL}/{other}").get_json()["timestamp"]
    assert other in listed(api, f"since={at}")
    assert listed(api, f"until={at - 60_000}") == []


def test_a_search_does_not_find_what_is_secret(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.api import representation  # noqa: PLC0415

    fill(api, 1, data={"msg": "hunter2"})
    assert len(listed(api, "q=hunter2")) == 1

    monkeypatch.setattr(representation, "visible_data", lambda *_: b'"[redacted]"')

    assert listed(api, "q=hunter2") == []


def test_looks_at_a_bounded_number_of_jobs_per_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_list, "LOOKED_AT", 200)
    fill(api, 450)
    (needle,) = fill(api, 1, opts={"tags": ["needle"]})

    page = api.get(f"{URL}?tag=needle").get_json()

    assert page["jobs"] == []
    assert page["nextCursor"]
    assert page["lookedAt"] <= 300
    assert listed(api, "tag=needle") == [needle]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("state=paused", 422),
        ("state=", 422),
        ("limit=0", 422),
        ("limit=201", 422),
        ("order=up", 422),
        ("since=soon", 422),
        ("since=9999999999999999", 422),
        ("q=", 422),
        ("q=" + "x" * 201, 422),
        ("stat=failed", 422),
        ("limit=1&limit=2", 422),
        ("cursor=a b", 422),
        ("cursor=AAAA", 404),
        ("cursor=WzksIiIsIiJd", 404),
        ("cursor=WzAsIngiLCIiXQ", 404),
    ],
)
def test_refuses_an_odd_list(api: Api, query: str, status: int) -> None:
    assert api.get(f"{URL}?{query}").status_code == status


def test_runs_a_job_again_that_has_ended(api: Api, worker: FakeWorker) -> None:
    (job_id,) = fill(api, 1)
    assert api.post(f"{URL}/{job_id}/retry").status_code == 409
    worker.complete(worker.claim())

    response = api.post(f"{URL}/{job_id}/retry")

    assert response.status_code == 200
    assert response.get_json()["state"] == "waiting"


def test_cancels_a_job_at_once_or_soon(api: Api, worker: FakeWorker) -> None:
    running, waiting = fill(api, 2)
    worker.claim()

    assert api.post(f"{URL}/{running}/cancel").status_code == 202
    response = api.post(f"{URL}/{waiting}/cancel")
    assert (response.status_code, response.get_json()["state"]) == (200, "cancelled")


def test_promotes_a_delayed_job(api: Api) -> None:
    (job_id,) = fill(api, 1, opts={"delay": 60_000})

    assert api.post(f"{URL}/{job_id}/promote").get_json()["state"] == "waiting"
    again = api.post(f"{URL}/{job_id}/promote")
    assert again.status_code == 409
    assert again.get_json()["type"] == "/problems/wrong-state"


def test_removes_a_job_that_does_not_run(api: Api, worker: FakeWorker) -> None:
    running, waiting = fill(api, 2)
    worker.claim()

    assert api.delete(f"{URL}/{running}").status_code == 409
    assert api.delete(f"{URL}/{waiting}").status_code == 204
    assert api.delete(f"{URL}/{waiting}").status_code == 404
    for action in ("retry", "cancel", "promote"):
        assert api.post(f"{URL}/{waiting}/{action}").status_code == 404


def test_pauses_and_limits_a_queue(api: Api) -> None:
    limits = {"concurrency": 3, "rateMax": 10, "rateMs": 1000}

    changed = api.patch(
        QUEUE,
        json={"paused": True, "limits": limits, "groups": {"*": {"concurrency": 1}}},
    )

    assert changed.status_code == 200
    shown = api.get(QUEUE).get_json()
    assert shown == changed.get_json()
    assert shown["paused"] is True
    assert shown["limits"] == limits
    assert shown["groups"]["*"]["concurrency"] == 1
    api.patch(QUEUE, json={"paused": False, "limits": {}})
    shown = api.get(QUEUE).get_json()
    assert shown["paused"] is False
    assert shown["limits"] == dict.fromkeys(limits)


@pytest.mark.parametrize(
    "change",
    [
        {"paused": 1},
        {"limits": {"concurrency": 0}},
        {"limits": {"rateMax": 1}},
        {"groups": {"a b": {}}},
        {"quota": 0},
        {"name": "x"},
    ],
)
def test_refuses_an_odd_change(api: Api, change: dict[str, Any]) -> None:
    assert api.patch(QUEUE, json=change).status_code == 422


def test_lists_queues_with_their_counts(api: Api) -> None:
    fill(api, 2)

    queues = {q["name"]: q for q in api.get("/api/v1/queues").get_json()["queues"]}

    assert queues["demo"]["counts"]["waiting"] == 2
    assert queues["email"]["counts"]["waiting"] == 0
    assert "echo" in queues["demo"]["tasks"]


def announce(client: redis.Redis, namespace: str, **changes: Any) -> None:
    info: dict[str, Any] = {
        "name": "w1",
        "host": "h",
        "pid": 1,
        "queues": ("demo", "email"),
        "tasks": ("echo", "send-email"),
        "threads": 1,
        "running": ("demo/1", "email/2"),
        "started": 1,
        "version": "dev",
    }
    Presence(client, namespace=namespace).announce(WorkerInfo(**(info | changes)))


def test_shows_workers_as_far_as_a_token_sees(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    announce(client, namespace)

    (everything,) = api.get("/api/v1/workers").get_json()["workers"]
    mine = api.mint("read", queues=["demo"])
    (part,) = api.get("/api/v1/workers", token=mine).get_json()["workers"]

    assert everything["queues"] == ["demo", "email"]
    assert part["queues"] == ["demo"]
    assert part["tasks"] == ["echo"]
    assert part["running"] == ["demo/1"]
    other = api.mint("read", queues=["report"])
    assert api.get("/api/v1/workers", token=other).get_json()["workers"] == []


def test_a_dry_run_counts_and_changes_nothing(api: Api) -> None:
    fill(api, 250)
    fill(api, 5, opts={"tags": ["old"]})

    operation = run(api, "drain", filter={"tag": "old"}, dryRun=True)

    assert operation["state"] == "done"
    assert (operation["matched"], operation["changed"]) == (5, 0)
    assert operation["total"] == operation["lookedAt"] == 255
    assert api.job_count() == 255


def test_a_bulk_action_changes_what_fits(api: Api) -> None:
    fill(api, 250)
    old = fill(api, 5, opts={"tags": ["old"]})

    cancelled = run(api, "cancel", filter={"tag": "old"})
    assert cancelled["changed"] == 5
    assert {state(api, job_id) for job_id in old} == {"cancelled"}

    assert run(api, "retry", filter={"states": ["cancelled"]})["changed"] == 5
    assert run(api, "drain", limit=100)["changed"] == 100
    assert run(api, "drain")["changed"] == 155
    assert api.job_count() == 0


def test_promotes_and_cleans_by_filter(api: Api, worker: FakeWorker) -> None:
    fill(api, 3, opts={"delay": 60_000})
    assert run(api, "promote")["changed"] == 3
    for _ in range(3):
        worker.complete(worker.claim())

    assert run(api, "clean", filter={"states": ["failed"]})["changed"] == 0
    assert run(api, "clean")["changed"] == 3
    assert api.job_count() == 0


@pytest.mark.parametrize(
    ("action", "body", "pointer"),
    [
        ("retry", {"filter": {"states": ["waiting"]}}, "/filter/states/0"),
        ("drain", {"filter": {"states": ["waiting", "active"]}}, "/filter/states/1"),
        ("clean", {"filter": {"tags": "x"}}, "/filter/tags"),
        ("clean", {"dryRun": "yes"}, "/dryRun"),
        ("cancel", {"limit": 0}, "/limit"),
    ],
)
def test_refuses_an_odd_bulk_action(
    api: Api, action: str, body: dict[str, Any], pointer: str
) -> None:
    response = api.post(f"{QUEUE}/{action}", json=body)

    assert response.status_code == 422
    assert response.get_json()["errors"][0]["pointer"] == pointer
    assert api.get("/api/v1/operations").get_json()["operations"] == []


def test_another_process_goes_on_with_an_operation(
    api: Api, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    fill(api, 350)
    api.app.extensions["nightshift.parts"].actions.stop()
    location = api.post(f"{QUEUE}/drain", json={}).headers["Location"]
    assert api.get(location).get_json()["state"] == "running"

    with running_api(redis_url, namespace, tmp_path) as other:
        wait_for(lambda: other.get(location).get_json()["state"] == "done")

    assert api.job_count() == 0


def test_stops_an_operation(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(api, 350)
    parts = api.app.extensions["nightshift.parts"]
    looked, may_go_on = threading.Event(), threading.Event()
    page = Inspector.page

    def held_back(inspector: Inspector, *place: Any, **rest: Any) -> Page:
        found = page(inspector, *place, **rest)
        looked.set()
        assert may_go_on.wait(20)
        return found

    monkeypatch.setattr(Inspector, "page", held_back)
    location = api.post(f"{QUEUE}/drain", json={"dryRun": True}).headers["Location"]
    assert looked.wait(20), "the first batch is under way"
    asked = api.post(f"{location}/stop")
    may_go_on.set()

    assert asked.status_code == 202
    ended = wait_for(
        lambda: (o := api.get(location).get_json())["state"] != "running" and o
    )
    assert (ended["state"], ended["lookedAt"]) == ("stopped", 100)
    assert ended["finished"] >= ended["created"]
    wait_for(lambda: not parts.actions._known, what="the thread is done with it")


def test_hides_operations_of_other_queues(api: Api) -> None:
    location = api.post(f"{QUEUE}/drain", json={}).headers["Location"]
    other = api.mint("read", "operate", queues=["email"])

    assert api.get(location, token=other).status_code == 404
    assert api.post(f"{location}/stop", token=other).status_code == 404
    assert api.get("/api/v1/operations", token=other).get_json() == {"operations": []}
    absent = api.get("/api/v1/operations/" + "0" * 20, token=other)
    assert absent.status_code == 404


def explain(api: Api, job_id: str) -> tuple[list[str], int | None]:
    document = api.get(f"{URL}/{job_id}/explain").get_json()
    codes = [reason["code"] for reason in document["reasons"]]
    assert all(reason["detail"].endswith(".") for reason in document["reasons"])
    return codes, document["estimatedStartInMs"]


def test_explains_why_a_job_does_not_run(
    api: Api, worker: FakeWorker, client: redis.Redis, namespace: str
) -> None:
    first, second, *_ = fill(api, 3)
    assert explain(api, second) == (["no-worker", "behind"], None)

    announce(client, namespace, running=())
    assert explain(api, first) == (["next"], 0)
    assert explain(api, second)[0] == ["behind"]

    api.patch(QUEUE, json={"limits": {"concurrency": 1}})
    worker.complete(worker.claim())
    worker.claim()
    codes, estimate = explain(api, second)
    assert codes == ["running"]
    (third,) = listed(api, "state=waiting")
    assert explain(api, third)[0] == ["concurrency"]

    api.patch(QUEUE, json={"paused": True})
    codes, estimate = explain(api, third)
    assert codes[0] == "paused"
    assert estimate is None


def test_explains_a_delay_a_rate_and_busy_workers(
    api: Api, worker: FakeWorker, client: redis.Redis, namespace: str
) -> None:
    announce(client, namespace, running=("demo/x",))
    (later,) = fill(api, 1, opts={"delay": 60_000})
    codes, estimate = explain(api, later)
    assert codes == ["delayed", "busy"]
    assert estimate is not None
    assert 50_000 < estimate <= 60_000

    api.patch(QUEUE, json={"limits": {"rateMax": 1, "rateMs": 60_000}})
    done, held = fill(api, 2)
    worker.complete(worker.claim())
    assert explain(api, done)[0] == ["ended"]
    codes, estimate = explain(api, held)
    assert "rate" in codes
    assert estimate is not None
    assert estimate > 1_000


def test_explains_a_group_at_its_limit(api: Api, worker: FakeWorker) -> None:
    api.patch(QUEUE, json={"groups": {"acme": {"concurrency": 1}}})
    _, second = fill(api, 2, opts={"group": "acme"})
    worker.claim()

    assert "group-concurrency" in explain(api, second)[0]


def test_refuses_jobs_beyond_the_quota(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_pressure, "FRESH_S", 0.0)
    api.patch(QUEUE, json={"quota": 2})
    fill(api, 2)

    refused = api.add()

    assert refused.status_code == 429
    assert refused.get_json()["type"] == "/problems/quota-reached"
    assert int(refused.headers["Retry-After"]) > 0
    assert api.post(f"{URL}/bulk", json={"jobs": [{"name": "echo"}]}).status_code == 429
    assert api.get(QUEUE).get_json()["quota"] == 2
    api.patch(QUEUE, json={"quota": None})
    assert api.add().status_code == 202


def test_refuses_jobs_before_redis_has_to(
    namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(back_pressure, "FRESH_S", 0.0)
    with (
        running_server({"maxmemory-policy": "noeviction"}) as server,
        running_api(server.url, namespace, tmp_path) as api,
        connect(server.url) as client,
    ):
        assert api.add().status_code == 202
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory", int(used * 1.05))

        response = api.add()

        assert response.status_code == 503
        assert response.get_json()["type"] == "/problems/queue-full"
        assert int(response.headers["Retry-After"]) > 0
        client.config_set("maxmemory", 0)
        assert api.add().status_code == 202


def test_sends_a_job_only_when_it_changed(api: Api, worker: FakeWorker) -> None:
    (job_id,) = fill(api, 1)
    first = api.get(f"{URL}/{job_id}")
    tag = first.headers["ETag"]

    same = api.get(f"{URL}/{job_id}", headers={"If-None-Match": f'W/"x", {tag}'})
    assert same.status_code == 304
    assert same.data == b""
    assert same.headers["ETag"] == tag
    worker.claim()
    changed = api.get(f"{URL}/{job_id}", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_prefers_to_wait(api: Api) -> None:
    (job_id,) = fill(api, 1)

    began = time.monotonic()
    response = api.get(f"{URL}/{job_id}", headers={"Prefer": "respond-async, wait=1"})

    assert time.monotonic() - began >= 1
    assert response.headers["Preference-Applied"] == "wait=1"
    assert "Preference-Applied" not in api.get(f"{URL}/{job_id}").headers
