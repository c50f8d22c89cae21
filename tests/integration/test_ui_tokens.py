"""The tokens' page: a secret is shown once, and ends when it is told to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.api import Api, running_api
from tests.support.dashboard import Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from werkzeug.test import TestResponse


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def secret_in(page: TestResponse) -> str:
    found = re.search(r'id="secret-text"[^>]*>([^<]+)<', page.text)
    assert found is not None, page.text
    return found[1]


def token_id(secret: str) -> str:
    return secret.split("_")[1]


def create(visitor: Visitor, **fields: object) -> TestResponse:
    form = {"name": "shop", "scopes": ["read", "write"], "queues": "email image"}
    return visitor.post("/tokens", **{**form, "days": "30", **fields})


def test_a_new_token_works_and_its_text_is_shown_once(api: Api) -> None:
    visitor = Visitor(api)

    answer = create(visitor)

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    secret = secret_in(answer)
    own = api.get("/api/v1/tokens/self", token=secret).get_json()
    assert (own["name"], own["queues"]) == ("shop", ["email", "image"])
    assert sorted(own["scopes"]) == ["read", "write"]
    assert secret not in visitor.get("/tokens").text
    assert "shop" in visitor.get("/tokens").text


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"name": ""}, "at least 1 character"),
        ({"scopes": []}, "Choose at least one scope"),
        ({"queues": "a/b"}, "match pattern"),
        ({"scopes": ["admin"], "queues": "email"}, "must see all queues"),
    ],
)
def test_what_is_wrong_with_a_wish_stands_beside_its_field(
    api: Api, fields: dict[str, object], complaint: str
) -> None:
    answer = create(Visitor(api), **fields)

    assert answer.status_code == 422
    assert complaint in answer.text


def test_a_revoked_token_is_refused_at_once_and_its_session_ends(api: Api) -> None:
    visitor = Visitor(api)
    secret = secret_in(create(visitor, scopes=["read"], queues="*"))
    other = Visitor(api, secret)

    answer = visitor.post(f"/tokens/{token_id(secret)}/revoke")

    assert "Revoked" in visitor.follow(answer).text
    assert other.get().status_code == 303
    assert visitor.post(f"/tokens/{token_id(secret)}/revoke").status_code == 404


def test_a_rotated_token_has_a_new_text(api: Api) -> None:
    visitor = Visitor(api)
    old = secret_in(create(visitor))

    answer = visitor.post(f"/tokens/{token_id(old)}/rotate", overlap="3600")

    new = secret_in(answer)
    assert new != old
    for text in (old, new):
        assert api.get("/api/v1/tokens/self", token=text).status_code == 200
    gone = visitor.post(f"/tokens/{'x' * 20}/rotate", overlap="0")
    assert gone.status_code == 404


def test_every_change_stands_in_the_audit_log(api: Api) -> None:
    visitor = Visitor(api)
    secret = secret_in(create(visitor))
    visitor.post(f"/tokens/{token_id(secret)}/revoke")
    Visitor(api, api.mint("read", name="nosy")).post("/tokens", name="x")

    log = visitor.get("/audit").text

    for word in ("ui.token_add", "ui.token_revoke", "nosy", "refused"):
        assert word in log
