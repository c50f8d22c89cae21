from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.contracts import catalogue
from tests.support.api import BEARER, running_api
from tests.support.schedules import HOUR, House
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis
    from werkzeug.test import TestResponse

    from tests.support.api import Api

OWL = "/api/v1/schedules/owl"
ECHO = {"name": "echo", "data": {"msg": "hoo"}}


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


def put(api: Api, path: str = OWL, **body: Any) -> TestResponse:
    document = {"template": ECHO, **body}
    return api.app.test_client().put(path, headers=BEARER, json=document)


def delete(api: Api, path: str = OWL) -> TestResponse:
    return api.app.test_client().delete(path, headers=BEARER)


def errors(response: TestResponse) -> dict[str, str]:
    assert response.status_code == 422, response.get_data(as_text=True)
    return {e["pointer"]: e["detail"] for e in response.get_json()["errors"]}


def test_a_schedule_is_created_shown_changed_and_removed(api: Api) -> None:
    created = put(api, pattern="0 9 * * mon", tz="Europe/Paris")
    assert created.status_code == 201
    assert created.headers["Location"] == OWL

    shown = api.get(OWL).get_json()
    assert (shown["id"], shown["status"], shown["origin"]) == ("owl", "active", "user")
    assert shown["template"] == {"queue": "demo", "opts": {}, **ECHO}
    assert shown["misfire"] == "once"

    assert put(api, pattern="0 10 * * mon").status_code == 200
    assert api.get(OWL).get_json()["tz"] == "UTC"

    assert delete(api).status_code == 204
    assert delete(api).status_code == 404
    assert api.get(OWL).status_code == 404
    assert api.get(f"{OWL}/ledger").status_code == 404


def test_schedules_are_listed_in_pages(api: Api) -> None:
    for name in ("c", "a", "b"):
        put(api, f"/api/v1/schedules/{name}", every=HOUR)

    first = api.get("/api/v1/schedules?limit=2").get_json()
    rest = api.get(f"/api/v1/schedules?limit=2&cursor={first['nextCursor']}").get_json()

    assert [s["id"] for s in first["schedules"]] == ["a", "b"]
    assert [s["id"] for s in rest["schedules"]] == ["c"]
    assert rest["nextCursor"] is None


@pytest.mark.parametrize(
    ("body", "pointer", "part"),
    [
        ({"pattern": "61 * * * *"}, "/pattern", "field 1, the minute"),
        ({"pattern": "0 0 30 2 *"}, "/pattern", "never have the day-of-month"),
        ({"pattern": "0 9 * * mon", "tz": "Mars/Olympus"}, "/tz", "no time zone"),
        ({}, "/pattern", "give a pattern, or every"),
        ({"pattern": "* * * * *", "every": 1000}, "/every", "not both"),
        ({"every": 5}, "/every", "from 100"),
        ({"every": 1000, "startDate": "soon"}, "/startDate", "should be a time"),
        ({"every": 1000, "startDate": "2026-01-01T00:00"}, "/startDate", "UTC offset"),
        ({"every": 1000, "startDate": 9, "endDate": 8}, "/endDate", "before startDate"),
        (
            {"pattern": "0 0 29 2 *", "startDate": 0, "endDate": 1000},
            "/endDate",
            "no slot comes before it",
        ),
        ({"every": 1000, "limit": 0}, "/limit", "greater than or equal to 1"),
        ({"every": 1000, "misfire": "never"}, "/misfire", "'skip', 'once' or 'all'"),
        ({"every": 1000, "overlap": "x"}, "/overlap", "'buffer-one'"),
        ({"every": 1000, "when": 1}, "/when", "not permitted"),
        (
            {"every": 1000, "template": {"name": "nothing"}},
            "/template/name",
            "there is no task named 'nothing'; known tasks",
        ),
        (
            {"every": 1000, "template": {"name": "echo", "data": {"mgs": "x"}}},
            "/template/data/mgs",
            "not permitted",
        ),
        (
            {"every": 1000, "template": {**ECHO, "queue": "email"}},
            "/template/queue",
            "jobs of 'echo' wait in 'demo'",
        ),
        (
            {"every": 1000, "template": {**ECHO, "opts": {"jobId": "x"}}},
            "/template/opts/jobId",
            "the slot names the job",
        ),
        (
            {"every": 1000, "template": {**ECHO, "opts": {"priority": 0}}},
            "/template/opts/priority",
            "greater than or equal",
        ),
    ],
)
def test_nonsense_is_refused_with_reason_and_position(
    api: Api, body: dict[str, Any], pointer: str, part: str
) -> None:
    found = errors(put(api, **body))

    assert part in found[pointer], found
    assert api.get(OWL).status_code == 404


def test_everything_that_is_wrong_is_told_at_once(api: Api) -> None:
    wrong = {"pattern": "x", "tz": "y", "template": {"name": "z"}}

    assert set(errors(put(api, **wrong))) == {"/pattern", "/tz", "/template/name"}


def test_an_id_that_can_be_none_is_refused(api: Api) -> None:
    assert "/id" in errors(put(api, "/api/v1/schedules/two:owls", every=1000))
    assert api.get("/api/v1/schedules/two:owls").status_code == 404


def test_a_preview_tells_the_utc_offset_across_a_clock_change(api: Api) -> None:
    body = {
        "template": ECHO,
        "pattern": "30 2 * * *",
        "tz": "Europe/Paris",
        "startDate": "2027-03-27T00:00:00+01:00",
    }

    answer = api.post(f"{OWL}/preview?count=3", json=body)

    assert [run["local"] for run in answer.get_json()["runs"]] == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:00:00+02:00",
        "2027-03-29T02:30:00+02:00",
    ]
    assert answer.get_json()["runs"][1]["utc"] == "2027-03-28T01:00:00Z"
    assert api.get(OWL).status_code == 404, "a preview creates nothing"


def test_a_stored_schedules_preview_ends_with_its_limit_and_its_pause(
    api: Api,
) -> None:
    put(api, every=HOUR, limit=3)
    runs = api.get(f"{OWL}/preview").get_json()["runs"]
    assert len(runs) == 3
    assert runs[0]["slot"] % HOUR == 0

    api.post(f"{OWL}/pause")

    assert api.get(f"{OWL}/preview").get_json()["runs"] == []


def test_pausing_and_changing_the_zone_do_what_the_preview_says(
    api: Api, house: House
) -> None:
    put(api, pattern="0 9 * * *", tz="Asia/Tokyo")
    paris = {"template": ECHO, "pattern": "0 9 * * *", "tz": "Europe/Paris"}
    promised = api.post(f"{OWL}/preview?count=1", json=paris).get_json()["runs"]

    changed = put(api, **paris)

    assert changed.get_json()["next"] == promised[0]["due"]
    due = house.client.zscore(house.keys.due, "owl")
    assert due == promised[0]["due"]
    api.post(f"{OWL}/pause")
    assert house.client.zscore(house.keys.due, "owl") is None
    assert api.post(f"{OWL}/resume").get_json()["next"] == promised[0]["due"]


def test_a_new_schedule_fires_and_a_removed_one_never_again(
    api: Api, house: House
) -> None:
    clockwork = house.clockwork()
    clockwork.tick()

    put(api, every=100)
    wait_for(lambda: clockwork.tick() >= 0 and len(house.job_slots()) >= 3)
    assert delete(api).status_code == 204
    removed_ms = house.now_ms()
    wait_for(lambda: clockwork.tick() >= 0 and house.now_ms() > removed_ms + 500)

    assert max(house.job_slots()) <= removed_ms
    assert not list(house.client.scan_iter(match=f"{house.keys.prefix}*:owl"))


def test_a_paused_schedule_rests_and_makes_up_for_nothing(
    api: Api, house: House
) -> None:
    clockwork = house.clockwork()
    put(api, every=100)
    wait_for(lambda: clockwork.tick() >= 0 and house.job_slots())
    paused = api.post(f"{OWL}/pause")
    paused_ms = house.now_ms()
    assert paused.get_json()["pausedReason"] == "by hand"
    wait_for(lambda: clockwork.tick() >= 0 and house.now_ms() > paused_ms + 400)
    assert max(house.job_slots()) <= paused_ms

    api.post(f"{OWL}/resume")
    resumed_ms = house.now_ms()
    wait_for(lambda: clockwork.tick() >= 0 and max(house.job_slots()) > resumed_ms)

    asleep = [slot for slot in house.job_slots() if paused_ms < slot < resumed_ms - 100]
    assert asleep == []


def test_run_now_creates_a_job_even_in_a_pause(api: Api, house: House) -> None:
    put(api, every=HOUR)
    api.post(f"{OWL}/pause")

    answer = api.post(f"{OWL}/run")

    assert answer.status_code == 202
    job = api.get(answer.headers["Location"]).get_json()
    assert job["data"] == ECHO["data"]
    (line,) = api.get(f"{OWL}/ledger").get_json()["lines"]
    assert (line["outcome"], line["job"]) == ("run", job["id"])
    assert house.stored().progress.fired == 0


def test_the_ledger_tells_each_slot_newest_first(api: Api, house: House) -> None:
    put(api, every=100)
    clockwork = house.clockwork()
    wait_for(lambda: clockwork.tick() >= 0 and len(house.job_slots()) >= 4)

    first = api.get(f"{OWL}/ledger?limit=2").get_json()
    rest = api.get(f"{OWL}/ledger?cursor={first['nextCursor']}").get_json()

    slots = [line["slot"] for line in first["lines"] + rest["lines"]]
    assert slots == sorted(house.job_slots(), reverse=True)
    assert first["lines"][0]["outcome"] == "fired"
    assert first["lines"][0]["latenessMs"] >= 0
    assert api.get(f"{OWL}/ledger?cursor=x").status_code == 422


def test_a_secret_is_never_shown_and_its_mask_never_stored(api: Api) -> None:
    contracts = [c for c in catalogue.load().values() if c.redacted]
    for contract in contracts:
        field = next(iter(contract.redacted))
        alias = contract.data.model_fields[field].alias or field
        body = {"name": contract.name, "data": {alias: "[redacted]"}}
        answer = put(api, every=HOUR, template=body)
        problem = {
            "pointer": f"/template/data/{alias}",
            "detail": "write the secret itself",
        }
        assert problem in answer.get_json()["errors"]
