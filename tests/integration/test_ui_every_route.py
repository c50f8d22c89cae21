"""What must hold for every route of the dashboard, whatever it does.

A new route is found by its rule; it fails here until it says which scope it needs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from services.api.ui.policy import HEADERS
from shared.access.principal import Scope
from tests.support.api import Api, running_api
from tests.support.dashboard import ORIGIN, ROOT, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Endpoints that answer without a session.
OPEN = frozenset({"ui.asset", "ui.nowhere", "ui.sign_in", "ui.sign_in_now"})
#: The scope of each endpoint but the reading ones; a review sees a change here.
NEEDS = {
    "ui.edit_job": Scope.WRITE,
    "ui.run_edited": Scope.WRITE,
    "ui.sign_out": Scope.READ,
    "ui.add_job": Scope.WRITE,
    "ui.add_job_now": Scope.WRITE,
    "ui.audit": Scope.ADMIN,
    "ui.choose_task": Scope.WRITE,
    "ui.schedule_edit": Scope.OPERATE,
    "ui.schedule_new": Scope.OPERATE,
    "ui.settings": Scope.ADMIN,
    "ui.token_add": Scope.ADMIN,
    "ui.token_revoke": Scope.ADMIN,
    "ui.token_rotate": Scope.ADMIN,
    "ui.tokens": Scope.ADMIN,
}


class Route(NamedTuple):
    """One method of one rule."""

    endpoint: str
    method: str
    rule: str

    def path(self, **known: str) -> str:
        """Return an address of the route."""
        values = {"queue": "demo", "job_id": "0" * 20} | known
        return re.sub(
            r"<(?:\w+:)?(\w+)>", lambda m: values.get(m[1], "x" * 20), self.rule
        )


def routes_of(api: Api) -> list[Route]:
    return sorted(
        Route(rule.endpoint, method, rule.rule)
        for rule in api.app.url_map.iter_rules()
        if rule.endpoint.startswith("ui.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def guarded(api: Api) -> list[Route]:
    return [route for route in routes_of(api) if route.endpoint not in OPEN]


def changing(api: Api) -> list[Route]:
    return [route for route in routes_of(api) if route.method == "POST"]


def test_there_are_pages_and_actions(api: Api) -> None:
    assert len(guarded(api)) > 2
    assert len(changing(api)) > 1


def test_nothing_but_the_open_ones_answers_without_a_session(api: Api) -> None:
    for route in guarded(api):
        answer = api.app.test_client().open(
            route.path(), method=route.method, headers=ORIGIN
        )

        if route.method == "GET":
            assert answer.status_code == 303, route
            assert "/sign-in" in answer.headers["Location"], route
        else:
            assert answer.status_code == 403, route


def test_a_bearer_token_opens_no_page(api: Api) -> None:
    for route in guarded(api):
        answer = api.call(route.method, route.path(), headers=ORIGIN)

        assert answer.status_code in {303, 403}, route


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:1"},
        {**ORIGIN, "Sec-Fetch-Site": "cross-site"},
        {**ORIGIN, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_post_from_elsewhere_is_taken(api: Api, headers: dict[str, str]) -> None:
    visitor = Visitor(api)
    csrf = visitor.csrf()
    for route in changing(api):
        answer = visitor.client.post(route.path(), data={"csrf": csrf}, headers=headers)

        assert answer.status_code == 403, route


@pytest.mark.parametrize("csrf", [None, "", "x", "x" * 43])
def test_no_post_without_the_token_of_its_session_is_taken(
    api: Api, csrf: str | None
) -> None:
    visitor = Visitor(api)
    for route in changing(api):
        data = {} if csrf is None else {"csrf": csrf}
        answer = visitor.client.post(route.path(), data=data, headers=ORIGIN)

        assert answer.status_code == 403, route


def test_the_token_of_another_session_is_refused(api: Api) -> None:
    visitor, other = Visitor(api), Visitor(api)
    csrf = other.csrf()
    for route in changing(api):
        answer = visitor.client.post(route.path(), data={"csrf": csrf}, headers=ORIGIN)

        assert answer.status_code == 403, route


def test_every_route_names_its_scope_and_a_change_of_it_is_seen_here(
    api: Api,
) -> None:
    visitor = Visitor(api, api.mint("read"))
    csrf = visitor.csrf()
    for route in guarded(api):
        if route.method == "GET" and route.endpoint not in NEEDS:
            continue
        scope = NEEDS.get(route.endpoint, Scope.OPERATE)
        if scope is Scope.READ:
            continue
        answer = visitor.client.open(
            route.path(), method=route.method, data={"csrf": csrf}, headers=ORIGIN
        )

        assert answer.status_code == 403, route
        assert f"`{scope.value}`" in answer.text.replace("&#39;", "'"), route


def test_a_queue_that_a_token_does_not_see_does_not_exist(api: Api) -> None:
    visitor = Visitor(api, api.mint("read", "operate", "write", queues=("email",)))
    csrf = visitor.csrf()
    with_queue = [route for route in guarded(api) if "<queue>" in route.rule]
    assert with_queue
    for route in with_queue:
        hidden, unknown = (
            visitor.client.open(
                route.path(queue=queue),
                method=route.method,
                data={"csrf": csrf},
                headers=ORIGIN,
            )
            for queue in ("demo", "nothing")
        )

        assert hidden.status_code == unknown.status_code == 404, route
        assert words(hidden.text) == words(unknown.text), route


def words(page: str) -> str:
    """Return a page without what differs between two requests."""
    return re.sub(r"Request \w+|\?next=\S+", "", page).replace("nothing", "demo")


def test_no_page_names_a_queue_that_a_token_does_not_see(api: Api) -> None:
    api.add("demo", data={"msg": "hidden-word"})
    visitor = Visitor(api, api.mint("read", queues=("email",)))
    for route in guarded(api):
        if route.method == "GET" and "<" not in route.rule:
            page = visitor.client.get(route.path())

            assert page.status_code in {200, 403}, route
            assert "/queue/demo" not in page.text, route
            assert "hidden-word" not in page.text, route


def test_every_answer_carries_the_policy(api: Api) -> None:
    visitor = Visitor(api)
    for route in routes_of(api):
        if route.endpoint == "ui.file":
            continue  # a preview is shut in more tightly
        for client in (visitor.client, api.app.test_client()):
            answer = client.open(route.path(), method=route.method, headers=ORIGIN)

            for name, value in HEADERS.items():
                assert answer.headers[name] == value, route
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_page_has_a_script_or_a_style_inside(api: Api) -> None:
    visitor = Visitor(api)
    for route in routes_of(api):
        if route.method != "GET":
            continue
        page = visitor.client.get(route.path()).text

        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page), route
        assert not re.search(r"<style|\sstyle=|\son\w+=", page), route


def test_an_address_that_leads_nowhere_says_so_as_a_page(api: Api) -> None:
    answer = Visitor(api).get("/no/such/page")

    assert answer.status_code == 404
    assert "Not Found" in answer.text


def test_assets_are_kept_by_browsers_and_change_their_address(api: Api) -> None:
    page = api.app.test_client().get(f"{ROOT}/sign-in")
    [address] = re.findall(r'href="(\S+/base\.css)"', page.text)

    asset = api.app.test_client().get(address)
    old = api.app.test_client().get(f"{ROOT}/assets/{'0' * 12}/base.css")

    assert asset.status_code == 200
    assert "immutable" in asset.headers["Cache-Control"]
    assert old.status_code == 404
