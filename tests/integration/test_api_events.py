"""Server-sent events: complete, resumable, and out of the way of others."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from services.api.settings import WAITING_REQUESTS
from tests.support.api import Api, FakeWorker, running_api
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

URL = "/api/v1/jobs/demo"


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def worker(redis_url: str, namespace: str) -> Iterator[FakeWorker]:
    worker = FakeWorker(redis_url, namespace)
    yield worker
    worker.close()


def events(response: TestResponse) -> Iterator[dict[str, Any]]:
    """Yield the events of a stream as they come."""
    text = ""
    for piece in response.response:
        text += piece if isinstance(piece, str) else piece.decode()
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            fields = dict(
                line.split(": ", 1) for line in block.splitlines() if line[0] != ":"
            )
            if "data" in fields:
                yield {**fields, "data": json.loads(fields["data"])}


def names(found: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in found]


def test_tells_a_job_from_now_to_its_end(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]

    with closing(api.get(f"{location}/events")) as response:
        assert response.content_type == "text/event-stream"
        stream = events(response)
        first = next(stream)
        assert first["event"] == "job"
        assert first["data"]["state"] == "waiting"
        worker.complete(worker.claim())
        rest = list(stream)

    assert names(rest) == ["active", "completed"]
    assert rest[-1]["data"]["job"]["returnvalue"] == {"msg": "hi"}
    assert all(event["id"] for event in (first, *rest))


def test_ends_at_once_for_a_job_that_has_ended(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]
    worker.complete(worker.claim())

    with closing(api.get(f"{location}/events")) as response:
        (only,) = events(response)

    assert only["data"]["state"] == "completed"


def test_who_comes_back_misses_nothing(api: Api, worker: FakeWorker) -> None:
    location = api.add().headers["Location"]
    with closing(api.get(f"{location}/events")) as response:
        at = next(events(response))["id"]
    worker.complete(worker.claim())

    back = api.get(f"{location}/events", headers={"Last-Event-ID": at})
    with closing(back) as response:
        assert names(list(events(response))) == ["active", "completed"]
    with closing(api.get(f"{location}/events?lastEventId={at}")) as response:
        assert names(list(events(response))) == ["active", "completed"]


def test_tells_every_event_of_a_queue_once(api: Api, worker: FakeWorker) -> None:
    # The reader leaves after each three events and comes back with the last id.
    seen: list[tuple[str, str]] = []
    api.add()
    with closing(api.get("/api/v1/queues/demo/events?lastEventId=0-0")) as response:
        at = next(events(response))["id"]
    count = 40
    with ThreadPoolExecutor() as pool:

        def work() -> None:
            for _ in range(count):
                api.add()
                worker.complete(worker.claim())

        done = pool.submit(work)
        while len(seen) < 3 * count:
            path = f"/api/v1/queues/demo/events?lastEventId={at}"
            with closing(api.get(path)) as response:
                stream = events(response)
                for _ in range(min(3, 3 * count - len(seen))):
                    event = next(stream)
                    seen.append((event["event"], event["data"]["jobId"]))
                    at = event["id"]
        done.result()

    assert len(set(seen)) == len(seen) == 3 * count


@pytest.mark.parametrize("at", ["", "x", "1", "1-", "-1", "1-1 ", "9" * 16 + "-0"])
def test_refuses_an_odd_place(api: Api, at: str) -> None:
    location = api.add().headers["Location"]

    response = api.get(f"{location}/events", headers={"Last-Event-ID": at})

    assert response.status_code == 422


def test_knows_no_events_of_a_job_that_is_none(api: Api) -> None:
    assert api.get(f"{URL}/absent/events").status_code == 404
    assert api.get("/api/v1/queues/absent/events").status_code == 404


def test_keeps_threads_free_and_gives_places_back(api: Api) -> None:
    location = f"{api.add().headers['Location']}/events"
    for _ in range(2):
        streams = [api.get(location) for _ in range(WAITING_REQUESTS)]
        refused = api.get(location)
        assert refused.status_code == 503
        assert refused.get_json()["type"] == "/problems/too-many-waiting"
        assert int(refused.headers["Retry-After"]) > 0
        assert api.call("HEAD", location).status_code == 200
        # Some were read, some never began.
        for stream in streams[::2]:
            next(events(stream))
        for stream in streams:
            stream.close()


def test_a_stream_ends_when_the_process_does(api: Api) -> None:
    location = f"{api.add().headers['Location']}/events"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(lambda: list(events(api.get(location))))
        hub = api.app.extensions["nightshift.event_hub"]
        wait_for(lambda: any(s._start for s in hub._all_subscriptions()))

        hub.stop()

        assert names(answer.result(timeout=10)) == ["job"]


def test_a_stream_has_an_end(redis_url: str, namespace: str, tmp_path: Path) -> None:
    with running_api(
        redis_url, namespace, tmp_path, nightshift_event_stream_s=0.1
    ) as api:
        location = f"{api.add().headers['Location']}/events"
        with closing(api.get(location)) as response:
            assert names(list(events(response))) == ["job"]
