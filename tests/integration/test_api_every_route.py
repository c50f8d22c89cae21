"""What must hold for every route of the API, whatever it does.

A new route is found by its rule. It fails here until it is described in
`services/api/openapi/operations.py` and has a body in BODIES if it takes one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from werkzeug.routing import Rule

from services.api import permissions, representation
from services.api.openapi.document import document
from services.api.openapi.operations import OPERATIONS
from shared import ids
from shared.access.principal import Scope
from shared.contracts import catalogue as catalogues
from tests.support.api import TOKEN, Api, running_api
from tests.support.hostile_json import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from werkzeug.test import TestResponse

PREFIX = "/api/v1"
SCHEDULE = {"every": 60_000, "template": {"name": "echo", "data": {"msg": "x"}}}
#: A good body for each endpoint that takes JSON.
BODIES: dict[str, Any] = {
    "jobs.add": {"name": "echo", "data": {"msg": "hi"}},
    "jobs.add_bulk": {"jobs": [{"name": "echo", "data": {"msg": "hi"}}]},
    "queues.change": {"paused": False},
    "queues.start": {"dryRun": True},
    "schedules.put": SCHEDULE,
    "schedules.preview_of": SCHEDULE,
    "tokens.add": {"name": "x", "scopes": ["read"]},
    "tokens.rotate": {},
}
#: Fields that a caller might try to set although they are not the caller's.
FORBIDDEN = {
    "id": "x",
    "status": "completed",
    "state": "completed",
    "tenant": "other",
    "token": "x",
    "queue": "email",
    "attemptsMade": 0,
    "__proto__": {},
}
UNKNOWN_ID = "0" * 20


class Route(NamedTuple):
    """One method of one rule."""

    endpoint: str
    method: str
    rule: str

    def path(self, known: Mapping[str, str]) -> str:
        """Return an address of the route."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda m: known[m[1]], self.rule)

    @property
    def names_a_queue(self) -> bool:
        return "<queue>" in self.rule


def routes_of(api: Api) -> list[Route]:
    return sorted(
        Route(rule.endpoint, method, rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith(PREFIX)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(
        redis_url, namespace, tmp_path, nightshift_event_stream_s=0.05
    ) as api:
        yield api


def known_things(api: Api) -> dict[str, str]:
    """Make one of each thing that addresses name."""
    token = api.post(f"{PREFIX}/tokens", json=BODIES["tokens.add"])
    operation = api.post(f"{PREFIX}/queues/demo/drain", json={"dryRun": True})
    api.call("PUT", f"{PREFIX}/schedules/known", json=SCHEDULE)
    return {
        "queue": "demo",
        "job_id": api.add().get_json()["id"],
        "file_id": api.post(f"{PREFIX}/files", data=b"x").get_json()["id"],
        "token_id": token.get_json()["id"],
        "operation_id": operation.get_json()["id"],
        "schedule_id": "known",
    }


def call(
    api: Api, route: Route, known: Mapping[str, str], **options: Any
) -> TestResponse:
    if route.endpoint in BODIES:
        options.setdefault("json", BODIES[route.endpoint])
    return api.call(route.method, route.path(known), **options)


def words(response: TestResponse) -> tuple[int, str, str, str]:
    """Return what a refusal says, apart from where and when it was said."""
    document = response.get_json()
    assert response.content_type == "application/problem+json"
    return response.status_code, document["type"], document["title"], document["detail"]


def test_every_route_is_described_and_every_description_has_a_route(api: Api) -> None:
    assert {route.endpoint for route in routes_of(api)} == set(OPERATIONS)


def test_every_route_that_takes_json_has_a_body_here(api: Api) -> None:
    taking = {
        endpoint
        for endpoint, operation in OPERATIONS.items()
        if operation.body is not None and operation.media_type == "application/json"
    }
    assert taking == set(BODIES)


def test_every_mindful_endpoint_exists() -> None:
    assert set(OPERATIONS) >= permissions.MINDFUL
    blueprints = {endpoint.partition(".")[0] for endpoint in OPERATIONS}
    assert set(permissions.SCOPES) <= set(OPERATIONS) | blueprints


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN},Bearer {TOKEN}"},
        {"Authorization": "Bearer " + "x" * 100_000},
        {"Authorization": f"Bearer nst_{UNKNOWN_ID}_{'A' * 43}"},
        {"Cookie": f"token={TOKEN}"},
        {"X-Api-Key": TOKEN},
    ],
    ids=str,
)
def test_no_route_answers_without_a_good_token(
    api: Api, headers: dict[str, str]
) -> None:
    known = dict.fromkeys(known_things(api), UNKNOWN_ID)
    said = set()
    for route in routes_of(api):
        for query in ("", f"?token={TOKEN}&access_token={TOKEN}"):
            response = api.app.test_client().open(
                route.path(known) + query, method=route.method, headers=headers
            )
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            said.add(words(response))
    assert len(said) == 1
    assert next(iter(said))[0] == 401


@pytest.mark.parametrize("scope", Scope)
def test_every_route_needs_its_scope_and_no_other(api: Api, scope: Scope) -> None:
    known = known_things(api)
    token = api.mint(scope)
    for route in routes_of(api):
        needed = permissions.scope_of(route.endpoint, route.method)
        may = scope is Scope.ADMIN or needed in {None, scope}
        things = known if route.method == "GET" else {**known, "token_id": UNKNOWN_ID}

        response = call(api, route, things, token=token)

        if may:
            assert response.status_code not in {401, 403}, route
            assert response.status_code < 500, (route, response.text)
        else:
            assert words(response)[0] == 403, route
            assert api.get(f"{PREFIX}/audit").get_json()["entries"][0]["status"] == 403


def test_a_token_for_one_queue_learns_nothing_of_others(api: Api) -> None:
    known = known_things(api)
    absent = dict.fromkeys(known, UNKNOWN_ID) | {"queue": "absent"}
    text = api.mint("read", "write", "operate", queues=["email"])
    for route in routes_of(api):
        if permissions.scope_of(route.endpoint, route.method) is Scope.ADMIN:
            continue
        if "<" not in route.rule:
            response = call(api, route, known, token=text)
            shown = response.get_data(as_text=True)
            for word in (known["job_id"], "echo", '"demo"', "/demo"):
                assert word not in shown, (route, word)
            continue
        if route.endpoint == "files.show":
            continue  # whoever knows a file's id, which nobody can guess, may read it
        foreign = call(api, route, known, token=text)
        nowhere = call(api, route, absent, token=text)
        assert words(foreign) == words(nowhere), route
        assert foreign.status_code in {403, 404}, route
        assert "demo" not in words(foreign)[3]


def test_a_token_for_one_queue_uses_that_queue(api: Api) -> None:
    text = api.mint("read", "write", "operate", queues=["demo"])
    known = known_things(api)
    for route in routes_of(api):
        if route.names_a_queue:
            response = call(api, route, known, token=text)
            assert response.status_code not in {401, 403}, route
            assert response.status_code < 500, route


@pytest.mark.parametrize("endpoint", sorted(BODIES))
def test_every_body_is_checked_strictly(api: Api, endpoint: str) -> None:
    known = known_things(api)
    before = api.job_count()
    for route in (r for r in routes_of(api) if r.endpoint == endpoint):
        for name, body in HOSTILE.items():
            response = call(
                api, route, known, json=None, data=body, content_type="application/json"
            )
            assert words(response)[0] in {400, 413}, (route, name)
        for body in ("[]", "null", "1", '"x"'):
            response = call(
                api, route, known, json=None, data=body, content_type="application/json"
            )
            assert words(response)[0] == 422, (route, body)
        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            response = call(
                api, route, known, json=None, data=b"{}", content_type=content_type
            )
            assert words(response)[0] == 415, (route, content_type)
        for field, value in FORBIDDEN.items():
            body = json.dumps({**BODIES[endpoint], field: value})
            response = call(
                api, route, known, json=None, data=body, content_type="application/json"
            )
            assert words(response)[0] == 422, (route, field)
    assert api.job_count() == before


def test_every_route_refuses_ids_that_nothing_can_have(api: Api) -> None:
    known = known_things(api)
    odd = ("%00", "..%2f..%2fetc", "x" * 300, "a%0ab", "%ff", "'", "{demo}", "*")
    for route in routes_of(api):
        for name in ("job_id", "file_id", "token_id", "operation_id", "schedule_id"):
            if f"{name}>" not in route.rule:
                continue
            for value in odd:
                response = call(api, route, {**known, name: value})
                assert response.status_code in {404, 405, 422}, (route, value)
                assert response.content_type == "application/problem+json"


def test_every_route_refuses_parameters_that_it_does_not_have(api: Api) -> None:
    known = known_things(api)
    for route in routes_of(api):
        for query in ("?limti=1", "?limit=1&limit=2"):
            response = api.call(route.method, route.path(known) + query)
            assert words(response)[0] == 422, (route, query)


def test_every_answer_has_the_headers_that_protect_it(api: Api) -> None:
    known = dict.fromkeys(known_things(api), UNKNOWN_ID)
    for route in routes_of(api):
        for origin in ("null", "https://evil.example"):
            response = call(
                api,
                route,
                known,
                headers={"Origin": origin, "X-HTTP-Method-Override": "DELETE"},
            )
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert "no-" in response.headers["Cache-Control"]
            assert not [h for h, _ in response.headers if h.startswith("Access-")]


def leaks(api: Api) -> set[str]:
    """Return the endpoints that show a secret of a job, if it is only asked for."""
    secret = f"canary-{ids.new_id()}"
    body = {
        "name": "call-http",
        "data": {"url": "https://example.com", "headers": {"X-Secret": secret}},
        "opts": {"delay": 3_600_000, "jobId": "with-a-secret"},
    }
    path = f"{PREFIX}/jobs/integration"
    added = api.post(path, json=body, headers={"Idempotency-Key": "k"})
    assert added.status_code == 202, added.text
    bulk = api.post(f"{path}/bulk", json={"jobs": [body]})
    replayed = api.post(path, json=body, headers={"Idempotency-Key": "k"})
    found = {
        "jobs.add": secret in added.text + replayed.text,
        "jobs.add_bulk": secret in bulk.text,
        # Who searches for a secret must not learn by it that it is there.
        "q": bool(api.get(f"{path}?q={secret}").get_json()["jobs"]),
    }
    known = {**known_things(api), "queue": "integration", "job_id": "with-a-secret"}
    removing = {"job_actions.remove", "queues.start"}
    for route in routes_of(api):
        if route.endpoint in removing | set(BODIES):
            continue
        response = call(api, route, known)
        found[route.endpoint] = secret in response.get_data(as_text=True)
    job = api.get(f"{path}/with-a-secret").get_json()
    assert job["state"] != "delayed", "the actions were called, too"
    return {name for name, is_shown in found.items() if is_shown}


def test_no_secret_is_shown_anywhere(api: Api) -> None:
    assert leaks(api) == set()


def test_a_secret_that_is_shown_is_noticed(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(representation, "visible_data", lambda job, _: job.data)

    assert leaks(api) >= {
        "q",
        "jobs.add",
        "jobs.index",
        "jobs.show",
        "job_actions.cancel",
        "events.of_job",
    }


def test_a_route_that_nobody_described_is_noticed(api: Api) -> None:
    # Only Flask refuses routes that come late; its map does not.
    rule = Rule(f"{PREFIX}/new/<queue>", endpoint="new.show", methods=["GET"])
    api.app.url_map.add(rule)

    with pytest.raises(AssertionError):
        test_every_route_is_described_and_every_description_has_a_route(api)
    with pytest.raises(KeyError):
        document(catalogues.load(), api.app.url_map, version="0", queues=("demo",))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("audit?cursor=00-00", 200),
        ("audit?cursor=", 422),
        ("schedules?cursor=", 422),
        ("schedules/known/ledger?cursor=0-00", 200),
        ("schedules/known/ledger?cursor=", 422),
        ("jobs/demo?cursor=", 422),
    ],
)
def test_a_cursor_before_everything_is_an_end_and_an_empty_one_is_none(
    api: Api, path: str, status: int
) -> None:
    known_things(api)

    response = api.get(f"{PREFIX}/{path}")

    assert response.status_code == status
    if status == 200:
        assert response.get_json()["nextCursor"] is None
