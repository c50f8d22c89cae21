from __future__ import annotations

import json
from typing import Any

from services.api.representation import REDACTED, job_json
from shared.contracts.catalogue import Catalogue
from shared.contracts.contract import Model, TaskContract
from shared.jobs.job import Job
from shared.jobs.options import JobOptions, resolve
from shared.jobs.states import JobState


class Login(Model):
    user_name: str
    api_key: str = ""


CONTRACT = TaskContract(
    name="login",
    queue="q",
    summary="",
    data=Login,
    result=Login,
    redacted=frozenset({"api_key"}),
)
CATALOGUE = Catalogue({"login": CONTRACT})


def shown(name: str, data: bytes, *, deduplicated: bool = False) -> dict[str, Any]:
    job = Job(
        id="1",
        queue="q",
        name=name,
        data=data,
        options=JobOptions(),
        policy=resolve(JobOptions()),
        state=JobState.WAITING,
        timestamp=1,
    )
    document: dict[str, Any] = json.loads(
        job_json(job, CATALOGUE, deduplicated=deduplicated)
    )
    return document


def test_hides_what_the_contract_keeps_secret() -> None:
    data = shown("login", b'{"userName":"ann","apiKey":"s3cret","api_key":"s3cret"}')

    assert data["data"] == {
        "userName": "ann",
        "apiKey": REDACTED,
        "api_key": REDACTED,
    }


def test_shows_the_data_of_other_tasks_untouched() -> None:
    assert shown("other", b'{"a":1.10}')["data"] == {"a": 1.10}


def test_says_that_a_job_existed_only_when_it_did() -> None:
    assert "deduplicated" not in shown("other", b"{}")
    assert shown("other", b"{}", deduplicated=True)["deduplicated"] is True
