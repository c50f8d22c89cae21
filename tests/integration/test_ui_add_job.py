"""The form of each task, and the job that it creates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from services.api.ui import job_form
from shared.contracts import catalogue as catalogues
from tests.support.api import Api, running_api
from tests.support.dashboard import Visitor, path_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse

CATALOGUE = catalogues.load()


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def add(api: Api, queue: str, task: str, **fields: str) -> TestResponse:
    return Visitor(api).post(f"/queue/{queue}/add", **{"task": task, **fields})


def job(api: Api, answer: TestResponse) -> dict[str, Any]:
    assert answer.status_code == 303, answer.text
    queue, job_id = path_of(answer).split("/")[-2:]
    document: dict[str, Any] = api.get(f"/api/v1/jobs/{queue}/{job_id}").get_json()
    return document


def test_every_task_has_a_form_with_a_field_for_each_part_of_its_data(api: Api) -> None:
    visitor = Visitor(api)
    for contract in CATALOGUE.values():
        page = visitor.get(f"/queue/{contract.queue}/add?task={contract.name}")

        assert page.status_code == 200, contract.name
        for name, field in contract.data.model_fields.items():
            assert f'name="data.{field.alias or name}"' in page.text, contract.name
        assert contract.name in visitor.get("/add").text


def test_fields_say_what_they_are_for() -> None:
    fields = {one.name: one for one in job_form.fields_of(CATALOGUE["echo"])}

    assert fields["msg"].required
    assert fields["msg"].kind == "text"
    assert fields["stepMs"].hint == "Milliseconds that each step takes."
    assert (fields["steps"].default, fields["steps"].rule) == ("4", "0 to 100")


def test_a_job_is_created_by_the_form(api: Api) -> None:
    answer = add(
        api,
        "email",
        "send-email",
        **{
            "data.to": "ada@example.com\nbob@example.com",
            "data.template": "welcome",
            "data.context": '{"name": "Ada"}',
            "delay": "1.5",
            "priority": "2",
            "tags": "vip, oslo",
            "more": '{"backoff": {"delay": 5000}}',
        },
    )

    found = job(api, answer)
    assert found["data"]["to"] == ["ada@example.com", "bob@example.com"]
    assert found["data"]["context"] == "[redacted]"
    assert found["opts"] == {
        "backoff": {"delay": 5000},
        "delay": 1500,
        "priority": 2,
        "tags": ["vip", "oslo"],
    }


def test_switches_numbers_and_lists_become_what_they_should(api: Api) -> None:
    answer = add(
        api,
        "cleanup",
        "finished-jobs",
        **{"data.dryRun": "true", "data.daysOld": "3", "data.queues": "demo\nemail"},
    )

    assert job(api, answer)["data"] == {
        "dryRun": True,
        "daysOld": 3,
        "queues": ["demo", "email"],
    }


def test_all_of_it_can_be_json(api: Api) -> None:
    answer = add(api, "demo", "echo", raw='{"msg": "raw"}', **{"data.msg": "field"})

    assert job(api, answer)["data"] == {"msg": "raw"}


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"data.steps": "four"}, "Should be a number"),
        ({"data.msg": "hi", "data.steps": "101"}, "less than or equal to 100"),
        ({"data.msg": "hi", "priority": "zero"}, "Should be JSON"),
        ({"data.msg": "hi", "attempts": "0"}, "greater than or equal to 1"),
        ({"data.msg": "hi", "more": "[1]"}, "not permitted"),
        ({"data.msg": "hi", "more": '{"no": 1}'}, "not permitted"),
        ({"raw": "{"}, "Should be JSON"),
        ({"raw": '{"nsg": 1}'}, "not permitted"),
        ({"raw": "[" * 100_000}, "Should be JSON"),
        ({"raw": '{"msg": "\\ud800"}'}, "Should be JSON"),
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_stays(
    api: Api, fields: dict[str, str], complaint: str
) -> None:
    answer = add(api, "demo", "echo", **fields)

    assert answer.status_code == 422
    assert complaint in answer.text
    assert api.job_count() == 0
    if "data.msg" in fields:
        assert ">hi</textarea>" in answer.text


def test_an_id_of_ones_own_makes_no_second_job(api: Api) -> None:
    first, second = (
        add(api, "demo", "echo", jobId="mine", **{"data.msg": "x"}) for _ in range(2)
    )

    assert path_of(first) == path_of(second)
    assert api.job_count() == 1


def test_a_task_of_another_queue_is_refused(api: Api) -> None:
    assert add(api, "demo", "send-email").status_code == 422
