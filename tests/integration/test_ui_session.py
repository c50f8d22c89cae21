"""Signing in and out of the dashboard, and how sessions end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.ui.sign_in_limit import ATTEMPTS
from tests.support.api import TOKEN, Api, running_api
from tests.support.dashboard import ORIGIN, ROOT, Visitor, token_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(api: Api) -> None:
    client = api.app.test_client()
    first = client.get(f"{ROOT}/queue/demo?state=failed")

    form = client.get(first.headers["Location"])
    answer = client.post(
        f"{ROOT}/sign-in",
        data={
            "csrf": token_in(form),
            "token": TOKEN,
            "next": "/admin/queues/queue/demo?state=failed",
        },
        headers=ORIGIN,
    )

    assert first.status_code == 303
    assert "next=/admin/queues/queue/demo" in first.headers["Location"]
    assert answer.headers["Location"] == "/admin/queues/queue/demo?state=failed"


@pytest.mark.parametrize(
    "target",
    [
        "https://example.org/",
        "//example.org",
        "/admin/queuesevil",
        "/admin/queues/\\example.org",
        "javascript:alert(1)",
    ],
)
def test_signing_in_leads_nowhere_else(api: Api, target: str) -> None:
    client = api.app.test_client()
    form = client.get(f"{ROOT}/sign-in", query_string={"next": target})

    answer = client.post(
        f"{ROOT}/sign-in",
        data={"csrf": token_in(form), "token": TOKEN, "next": target},
        headers=ORIGIN,
    )

    assert answer.headers["Location"] == ROOT


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(api: Api) -> None:
    client = api.app.test_client()
    form = client.get(f"{ROOT}/sign-in")
    data = {"csrf": token_in(form), "token": TOKEN}

    answer = client.post(
        f"{ROOT}/sign-in",
        data=data,
        headers={**ORIGIN, "X-Forwarded-Proto": "https"},
    )

    cookie = answer.headers.getlist("Set-Cookie")[0]
    assert cookie.startswith("nightshift_session=")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/admin/queues"} <= set(
        cookie.split("; ")
    )
    assert TOKEN not in answer.headers.to_wsgi_list().__repr__()


def test_signing_out_ends_the_session_not_only_the_cookie(api: Api) -> None:
    visitor = Visitor(api)
    cookie = visitor.client.get_cookie("nightshift_session", path=ROOT)
    assert cookie is not None

    assert visitor.post("/sign-out").status_code == 303
    visitor.client.set_cookie("nightshift_session", cookie.value, path=ROOT)

    assert visitor.get().status_code == 303


@pytest.mark.parametrize("how", ["revoked", "rotated", "expired"])
def test_a_token_that_ends_takes_its_sessions_along(
    api: Api, client: redis.Redis, namespace: str, how: str
) -> None:
    visitor = Visitor(api, api.mint("read"))
    assert visitor.get().status_code == 200
    tokens = api.get("/api/v1/tokens").get_json()["tokens"]
    token_id = tokens[0]["id"]

    if how == "revoked":
        api.delete(f"/api/v1/tokens/{token_id}")
    elif how == "rotated":
        api.post(f"/api/v1/tokens/{token_id}/rotate", json={"overlapS": 0})
    else:
        key = f"{namespace}:{{api}}:tokens"
        stored = client.hget(key, token_id)
        assert isinstance(stored, bytes)
        client.hset(key, token_id, stored[:-1] + b',"expires":1}')

    assert visitor.get().status_code == 303


def test_a_live_part_of_an_ended_session_loads_the_whole_page_again(api: Api) -> None:
    answer = api.app.test_client().get(ROOT, headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"


def test_many_wrong_tokens_have_to_wait_and_a_good_one_with_them(api: Api) -> None:
    visitor = Visitor(api)
    other = api.app.test_client()

    for _ in range(ATTEMPTS):
        form = other.get(f"{ROOT}/sign-in")
        data = {"csrf": token_in(form), "token": "x" * 32}
        answer = other.post(f"{ROOT}/sign-in", data=data, headers=ORIGIN)
        assert answer.status_code == 401
    refused = visitor.sign_in(TOKEN)

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_a_token_that_may_not_read_can_not_sign_in(api: Api) -> None:
    with pytest.raises(AssertionError, match="may not read"):
        Visitor(api, api.mint("write"))


def test_the_sign_in_form_works_for_its_own_browser_only(api: Api) -> None:
    form = api.app.test_client().get(f"{ROOT}/sign-in")
    data = {"csrf": token_in(form), "token": TOKEN}

    stranger = api.app.test_client().post(f"{ROOT}/sign-in", data=data, headers=ORIGIN)

    assert stranger.status_code == 403


def test_what_redis_holds_of_a_session_is_not_enough_to_sign_in(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    visitor = Visitor(api)
    cookie = visitor.client.get_cookie("nightshift_session", path=ROOT)
    assert cookie is not None

    keys = client.keys(f"{namespace}:{{api}}:ui-session:*")
    assert isinstance(keys, list)
    held = keys[0] + (client.get(keys[0]) or b"")  # type: ignore[operator]

    assert cookie.value.encode() not in held
    assert TOKEN.encode() not in held
