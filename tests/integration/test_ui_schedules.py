"""The schedules' pages: pause, resume, run, edit, create, delete, and the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import Api, running_api
from tests.support.dashboard import Visitor, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

FORM = {
    "kind": "pattern",
    "pattern": "0 9 * * mon",
    "tz": "Europe/Paris",
    "task": "echo",
    "data": '{"msg": "hoo"}',
    "opts": '{"tags": ["owl"]}',
    "misfire": "once",
    "overlap": "skip",
    "grace": "60",
    "misfireCap": "100",
}


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def visitor(api: Api) -> Visitor:
    return Visitor(api)


def create(visitor: Visitor, name: str = "owl", **changes: str) -> TestResponse:
    return visitor.post("/new-schedule", **{**FORM, "id": name, **changes})


def stored(api: Api, name: str = "owl") -> dict[str, Any]:
    document: dict[str, Any] = api.get(f"/api/v1/schedules/{name}").get_json()
    return document


def test_a_schedule_is_created_by_the_form(api: Api, visitor: Visitor) -> None:
    answer = create(visitor, jitter="1.5")

    assert path_of(answer).endswith("/schedules/owl")
    page = visitor.follow(answer).text
    assert "owl was created" in page
    assert "0 9 * * mon" in page
    found = stored(api)
    assert (found["pattern"], found["tz"]) == ("0 9 * * mon", "Europe/Paris")
    assert (found["overlap"], found["jitter"]) == ("skip", 1500)
    assert found["template"]["opts"] == {"tags": ["owl"]}
    assert ">owl<" in visitor.get("/schedules").text


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"pattern": "61 * * * *"}, "pattern-error"),
        ({"tz": "Mars/North"}, "tz-error"),
        ({"data": "{"}, "Should be JSON"),
        ({"data": "[1]"}, "Should be JSON"),
        ({"data": '{"nsg": 1}'}, "data-error"),
        ({"opts": '{"jobId": "x"}'}, "leave it out"),
        ({"task": "nothing"}, "task-error"),
        ({"kind": "every", "every": "soon"}, "Should be a number"),
        ({"kind": "every"}, "Give a pattern"),
        ({"id": "no way"}, "starts with a letter"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    visitor: Visitor, changes: dict[str, str], complaint: str
) -> None:
    answer = create(visitor, **{"name": "owl"} | changes)

    assert answer.status_code in {404, 422}
    assert complaint in answer.text
    if answer.status_code == 422:
        assert "Europe/Paris" in answer.text or "Mars" in answer.text
    assert visitor.get("/schedules/owl").status_code == 404


def test_a_preview_shows_slots_and_saves_nothing(visitor: Visitor) -> None:
    answer = create(visitor, preview="1", kind="every", every="90")

    assert answer.status_code == 200
    assert answer.text.count('<li class="run">') == 8
    assert visitor.get("/schedules/owl").status_code == 404


def test_a_name_that_is_taken_is_not_overwritten(api: Api, visitor: Visitor) -> None:
    create(visitor)

    answer = create(visitor, pattern="1 1 * * *")

    assert answer.status_code == 422
    assert "exists" in answer.text
    assert stored(api)["pattern"] == "0 9 * * mon"


def test_a_schedule_is_edited(api: Api, visitor: Visitor) -> None:
    create(visitor, jitter="2")
    form = visitor.get("/schedules/owl/edit").text
    assert 'value="0 9 * * mon"' in form
    assert 'name="jitter" value="2"' in form

    answer = visitor.post(
        "/schedules/owl/edit", **{**FORM, "kind": "every", "every": "120"}
    )

    assert "was changed" in visitor.follow(answer).text
    assert (stored(api)["every"], stored(api)["pattern"]) == (120_000, None)


def test_a_secret_that_the_form_masks_stays_what_it_was(
    api: Api, visitor: Visitor, redis_url: str
) -> None:
    data = '{"url": "https://example.com/a", "headers": {"Authorization": "canary"}}'
    create(visitor, task="call-http", data=data)
    form = visitor.get("/schedules/owl/edit").text
    assert "canary" not in form
    masked = '{"url": "https://example.com/b", "headers": "[redacted]"}'

    answer = visitor.post(
        "/schedules/owl/edit", **{**FORM, "task": "call-http", "data": masked}
    )

    assert answer.status_code == 303, answer.text
    api.post("/api/v1/schedules/owl/run")
    # Nobody sees the secret; that the job was accepted shows that it is whole.
    assert stored(api)["template"]["data"]["url"] == "https://example.com/b"
    assert "canary" not in visitor.get("/schedules/owl").text


def test_pause_resume_run_and_delete(api: Api, visitor: Visitor) -> None:
    create(visitor)
    visitor.post("/schedules/owl/pause")
    assert stored(api)["status"] == "paused"
    visitor.post("/schedules/owl/resume")
    assert stored(api)["status"] == "active"

    visitor.post("/schedules/owl/run")

    assert api.job_count() == 1
    page = visitor.get("/schedules/owl").text
    assert "state-completed" in page
    assert ">open<" in page
    gone = visitor.post("/schedules/owl/remove")
    assert "was removed" in visitor.follow(gone).text
    assert visitor.get("/schedules/owl").status_code == 404


def test_a_schedule_of_a_hidden_queue_does_not_exist(api: Api) -> None:
    create(Visitor(api))
    create(Visitor(api), "hourly", task="health-check", data="{}")
    other = Visitor(api, api.mint("read", "operate", queues=("cleanup",)))

    listed = other.get("/schedules").text

    assert "hourly" in listed
    assert ">owl<" not in listed
    for path in ("", "/edit"):
        assert other.get(f"/schedules/owl{path}").status_code == 404
        assert other.get(f"/schedules/hourly{path}").status_code == 200
    for action in ("pause", "resume", "run", "remove", "edit"):
        assert other.post(f"/schedules/owl/{action}", **FORM).status_code == 404
    assert create(other, "mine").status_code == 404
    assert stored(api)["status"] == "active"
