"""`opts.callback`: who put a job in is told of its end, by a signed webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from services.worker.main import build_broker
from services.worker.settings import WorkerSettings
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.outbox import BATCH, Outbox
from shared.broker.producer import Producer
from shared.contracts import catalogue as catalogues
from shared.errors import RedisFullError
from tests.support.api import FakeWorker, running_api
from tests.support.contexts import WEBHOOK_SECRET
from tests.support.http_receiver import HttpReceiver, Reply
from tests.support.in_process_worker import running_worker
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

    from tests.support.api import Api
    from tests.support.http_receiver import Received

WEBHOOKS = "/api/v1/jobs/webhook"
ANOTHER = {
    "name": "deliver-webhook",
    "data": {"url": "https://receiver.example/", "type": "x", "payload": {}},
}


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def worker(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[None]:
    settings = WorkerSettings(
        redis_url=redis_url,
        nightshift_namespace=namespace,
        nightshift_storage_dir=tmp_path,
        nightshift_webhook_secret=WEBHOOK_SECRET,
        nightshift_webhook_allow_private=True,
        nightshift_worker_queues="demo, webhook",
        nightshift_health_port=0,
    )
    with running_worker(build_broker(settings)):
        yield


@pytest.fixture
def outbox(client: redis.Redis, namespace: str) -> Outbox:
    return outbox_of(client, namespace)


def outbox_of(client: redis.Redis, namespace: str) -> Outbox:
    return Outbox(
        client,
        namespace=namespace,
        producer=Producer(client, namespace=namespace),
        catalogue=catalogues.load(),
    )


def verified(request: Received) -> Any:
    return Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)


def complete_one(redis_url: str, namespace: str, returnvalue: bytes = b"{}") -> None:
    worker = FakeWorker(redis_url, namespace)
    worker.complete(worker.claim(), returnvalue)
    worker.close()


def webhooks(api: Api) -> list[Any]:
    listed = api.get(WEBHOOKS, query_string={"limit": "200"}).get_json()
    return list(listed["jobs"])


@pytest.mark.usefixtures("worker")
def test_the_receiver_hears_of_a_good_end(api: Api) -> None:
    with HttpReceiver() as receiver:
        opts = {"callback": {"url": receiver.url}, "removeOnComplete": True}
        added = api.add(opts=opts)
        wait_for(lambda: receiver.received, within_s=30, what="the webhook")
        [request] = receiver.received

    assert added.status_code == 202
    assert added.get_json()["opts"]["callback"] == {"url": receiver.url}
    event = verified(request)
    assert event["type"] == "job.completed"
    assert event["data"].pop("finishedOn") >= added.get_json()["timestamp"]
    assert event["data"] == {
        "id": added.get_json()["id"],
        "queue": "demo",
        "name": "echo",
        "state": "completed",
        "attemptsMade": 1,
        "returnvalue": {"msg": "hi", "steps": 4},
    }


@pytest.mark.usefixtures("worker")
def test_the_receiver_hears_of_a_bad_end_once_and_at_the_last_attempt(
    api: Api,
) -> None:
    with HttpReceiver(Reply(503, headers={"retry-after": "0"})) as receiver:
        api.add(
            name="maybe-fail",
            data={"msg": "x", "fail": 9},
            opts={"attempts": 2, "backoff": 1, "callback": {"url": receiver.url}},
        )
        wait_for(lambda: len(receiver.received) == 2, within_s=30, what="both attempts")
        first, second = receiver.received

    event = verified(second)
    assert (event["type"], event["data"]["attemptsMade"]) == ("job.failed", 2)
    assert event["data"]["failedReason"]
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert len(webhooks(api)) == 1


@pytest.mark.usefixtures("worker")
def test_a_cancelled_job_is_told_by_whoever_comes_by(api: Api) -> None:
    with HttpReceiver() as receiver:
        callback = {"url": receiver.url, "events": ["cancelled"]}
        job = api.add(opts={"delay": 60_000, "callback": callback}).get_json()
        api.post(f"/api/v1/jobs/demo/{job['id']}/cancel")
        wait_for(lambda: receiver.received, within_s=30, what="the webhook")

    assert verified(receiver.received[0])["data"]["state"] == "cancelled"


def test_an_internal_address_is_not_called(
    api: Api, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    settings = WorkerSettings(
        redis_url=redis_url,
        nightshift_namespace=namespace,
        nightshift_storage_dir=tmp_path,
        nightshift_webhook_secret=WEBHOOK_SECRET,
        nightshift_worker_queues="demo, webhook",
        nightshift_health_port=0,
    )
    with HttpReceiver() as receiver:
        with running_worker(build_broker(settings)):
            api.add(opts={"callback": {"url": receiver.url}})
            wait_for(
                lambda: [j for j in webhooks(api) if j["state"] == "failed"],
                within_s=30,
                what="the webhook is refused",
            )

        assert receiver.received == []
    assert webhooks(api)[0]["attemptsMade"] == 1


@pytest.mark.parametrize(
    ("callback", "pointer"),
    [
        ({}, "/opts/callback/url"),
        ({"url": "ftp://x.example"}, "/opts/callback/url"),
        ({"url": "https://me:pw@x.example"}, "/opts/callback/url"),
        ({"url": "https://x.example/\na"}, "/opts/callback/url"),
        ({"url": "https://x.example", "events": []}, "/opts/callback/events"),
        ({"url": "https://x.example", "events": ["active"]}, "/opts/callback/events/0"),
        ({"url": "https://x.example", "secret": "s"}, "/opts/callback/secret"),
    ],
)
def test_a_wrong_callback_is_refused(
    api: Api, callback: dict[str, Any], pointer: str
) -> None:
    refused = api.add(opts={"callback": callback})

    assert refused.status_code == 422
    assert pointer in [e["pointer"] for e in refused.get_json()["errors"]]


def test_an_entry_that_is_read_twice_makes_one_webhook(
    api: Api, client: redis.Redis, redis_url: str, namespace: str, outbox: Outbox
) -> None:
    api.add(opts={"callback": {"url": "https://receiver.example/"}})
    complete_one(redis_url, namespace)
    key = QueueKeys(namespace, "demo").one("outbox")
    [(at, told)] = client.xrange(key)
    assert outbox.send("demo") == 1
    assert client.xlen(key) == 0
    # As it stood when a process read it that died before it could take it out.
    client.delete(key)
    client.xadd(key, told, id=at)

    assert outbox.send("demo") == 1

    [webhook] = webhooks(api)
    assert webhook["id"] == f"callback:demo:{at.decode()}"
    assert webhook["tags"] == ["callback"]


def test_a_damaged_entry_does_not_hold_up_its_neighbours(
    api: Api, client: redis.Redis, redis_url: str, namespace: str, outbox: Outbox
) -> None:
    key = QueueKeys(namespace, "demo").one("outbox")
    client.xadd(key, {"jobId": "x"}, id="1-1")
    client.xadd(key, {"jobId": b"\xff", "state": "failed", "finishedOn": "1"}, id="1-2")
    api.add(opts={"callback": {"url": "https://receiver.example/"}})
    complete_one(redis_url, namespace)

    assert outbox.send("demo") == 1
    assert client.xlen(key) == 0
    assert len(webhooks(api)) == 1


def test_more_entries_than_one_call_takes_are_left_for_the_next(
    client: redis.Redis, namespace: str, outbox: Outbox
) -> None:
    key = QueueKeys(namespace, "demo").one("outbox")
    entry = {
        "jobId": "x",
        "task": "echo",
        "state": "completed",
        "url": "https://receiver.example/",
        "finishedOn": "1",
        "attemptsMade": "1",
    }
    for _ in range(BATCH + 1):
        client.xadd(key, dict(entry))

    assert [outbox.send("demo") for _ in range(3)] == [BATCH, 1, 0]


def test_a_full_redis_keeps_the_news_until_there_is_room(
    namespace: str, tmp_path: Path
) -> None:
    with (
        running_server() as server,
        connect(server.url) as client,
        running_api(server.url, namespace, tmp_path) as api,
    ):
        api.add("webhook", **ANOTHER)
        api.add(opts={"callback": {"url": "https://receiver.example/"}})
        client.config_set("maxmemory", "1mb")
        client.config_set("maxmemory-policy", "noeviction")
        complete_one(server.url, namespace)
        outbox = outbox_of(client, namespace)
        with pytest.raises(RedisFullError):
            outbox.send("demo")

        client.config_set("maxmemory", "0")
        assert outbox.send("demo") == 1
        assert len(webhooks(api)) == 2
