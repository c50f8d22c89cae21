"""Tokens from the cradle to the grave: stored, used over HTTP, rotated, revoked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.api import auth
from shared.access.audit_log import AuditEntry, AuditLog
from shared.access.principal import Principal, Scope
from shared.access.token_store import TokenStore
from tests.support.api import TOKEN, Api, running_api
from tests.support.redis_server import running_server
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

ROOT = Path(__file__).parents[2]
TOKENS = "/api/v1/tokens"


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def store(client: redis.Redis, namespace: str) -> TokenStore:
    return TokenStore(client, namespace=namespace)


def test_a_new_token_works_and_is_shown_once(api: Api) -> None:
    wish = {"name": "shop", "scopes": ["write", "read"], "queues": ["demo"]}

    made = api.post(TOKENS, json=wish)

    document = made.get_json()
    assert made.status_code == 201
    assert document["token"].startswith(f"nst_{document['id']}_")
    assert made.headers["Location"] == f"{TOKENS}/{document['id']}"
    bearer = {"Authorization": f"Bearer {document['token']}"}
    assert api.add(headers=bearer).status_code == 202
    assert api.get("/api/v1/tokens/self", headers=bearer).get_json() == {
        "id": document["id"],
        "name": "shop",
        "scopes": ["read", "write"],
        "queues": ["demo"],
    }
    shown = api.get(made.headers["Location"])
    assert "token" not in shown.get_json()
    assert document["token"] not in api.get(TOKENS).text


def test_nothing_in_redis_is_the_token(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    text = api.mint("read")
    secret = text.rpartition("_")[2]

    for key in client.scan_iter(f"{namespace}:*"):
        assert secret.encode() not in client.dump(key)


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, "/name"),
        ({"name": "x"}, "/scopes"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "scopes": ["root"]}, "/scopes/0"),
        ({"name": "x", "scopes": ["read"], "queues": []}, "/queues"),
        ({"name": "x", "scopes": ["read"], "queues": ["a b"]}, "/queues/0"),
        ({"name": "x", "scopes": ["read"], "expiresInS": 0}, "/expiresInS"),
        ({"name": "x", "scopes": ["read"], "digest": "0"}, "/digest"),
        ({"name": "a\nb", "scopes": ["read"]}, "/name"),
        ({"name": "x", "scopes": ["admin"], "queues": ["demo"]}, ""),
    ],
)
def test_an_odd_wish_makes_no_token(
    api: Api, wish: dict[str, Any], pointer: str
) -> None:
    response = api.post(TOKENS, json=wish)

    assert response.status_code == 422
    assert pointer in [error["pointer"] for error in response.get_json()["errors"]]
    assert api.get(TOKENS).get_json() == {"tokens": []}


def test_a_rotated_token_has_two_texts_for_a_while(api: Api) -> None:
    old = api.mint("read")
    token_id = old.split("_")[1]

    new = api.post(f"{TOKENS}/{token_id}/rotate", json={}).get_json()["token"]
    for text in (old, new):
        assert api.get("/api/v1/tasks", token=text).status_code == 200

    newest = api.post(f"{TOKENS}/{token_id}/rotate", json={"overlapS": 0}).get_json()
    wait_for(lambda: api.get("/api/v1/tasks", token=new).status_code == 401)
    assert api.get("/api/v1/tasks", token=old).status_code == 401
    assert api.get("/api/v1/tasks", token=newest["token"]).status_code == 200


def test_a_revoked_token_is_refused_within_a_second(api: Api) -> None:
    text = api.mint("read")
    token_id = text.split("_")[1]
    assert api.get("/api/v1/tasks", token=text).status_code == 200

    assert api.delete(f"{TOKENS}/{token_id}").status_code == 204

    began = time.monotonic()
    wait_for(lambda: api.get("/api/v1/tasks", token=text).status_code == 401)
    assert time.monotonic() - began < auth.REMEMBERED_S + 1
    for call in (api.get, api.delete):
        assert call(f"{TOKENS}/{token_id}").status_code == 404
    assert api.post(f"{TOKENS}/{token_id}/rotate", json={}).status_code == 404


def test_an_expired_token_is_refused(api: Api) -> None:
    wish = {"name": "x", "scopes": ["read"], "expiresInS": 1}
    text = api.post(TOKENS, json=wish).get_json()["token"]

    wait_for(lambda: api.get("/api/v1/tasks", token=text).status_code == 401)


def test_one_letter_makes_another_token(api: Api) -> None:
    text = api.mint("read")
    for at in (4, 20, len(text) - 2):
        letter = "0" if text[at] != "0" else "1"
        other = text[:at] + letter + text[at + 1 :]
        assert api.get("/api/v1/tasks", token=other).status_code == 401


def test_tells_when_a_token_was_last_used(api: Api) -> None:
    text = api.mint("read")
    location = f"{TOKENS}/{text.split('_')[1]}"
    assert api.get(location).get_json()["lastUsed"] is None

    api.get("/api/v1/tasks", token=text)

    assert api.get(location).get_json()["lastUsed"] > 0


def test_two_who_rotate_at_once_lose_nothing(store: TokenStore) -> None:
    first = store.create("x", scopes=[Scope.READ])

    texts = [store.rotate(first.token.id, overlap_s=60) for _ in range(2)]

    assert all(minted is not None for minted in texts)
    last = texts[-1]
    assert last is not None
    assert store.authenticate(last.text) is not None
    assert store.authenticate(first.text) is None


def test_without_redis_the_token_of_the_settings_still_counts(
    namespace: str, tmp_path: Path
) -> None:
    with (
        running_server() as server,
        running_api(server.url, namespace, tmp_path) as api,
    ):
        text = api.mint("read")
        server.stop()

        assert api.get("/api/v1/tasks").status_code == 200
        assert api.get("/api/v1/tasks", token=text).status_code == 503


def test_writes_down_who_changed_what_and_who_was_refused(api: Api) -> None:
    reader = api.mint("read", name="reader")
    api.post(TOKENS, token=reader, json={"name": "x", "scopes": ["admin"]})
    api.delete(f"{TOKENS}/absent")
    api.get(TOKENS)
    api.add()

    entries = api.get("/api/v1/audit").get_json()["entries"]

    assert [(e["actorName"], e["action"], e["status"]) for e in entries] == [
        ("reader", "tokens.add", 403),
        ("the token of the settings", "tokens.add", 201),
    ]
    assert entries[0]["at"] >= entries[1]["at"] > 0
    assert entries[0]["target"] == TOKENS
    assert entries[0]["requestId"]
    assert TOKEN not in json.dumps(entries)


def test_turns_the_pages_of_the_audit_log(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    log = AuditLog(client, namespace=namespace)
    for number in range(5):
        log.write(
            AuditEntry(
                actor="a", actor_name="a", action="x", target=str(number), status=200
            )
        )

    seen, cursor = [], ""
    while True:
        page = api.get(f"/api/v1/audit?limit=2{cursor}").get_json()
        seen += [entry["target"] for entry in page["entries"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"

    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("patterns", "seen", "hidden"),
    [
        (("*",), ("email", "x.y"), ()),
        (("email",), ("email",), ("email2", "xemail", "Email")),
        (("team-*",), ("team-", "team-a-b"), ("team", "a-team-b")),
        (("a.b",), ("a.b",), ("axb",)),
        (("*" * 60,), ("anything" * 8,), ()),
        (("a", "b*"), ("a", "bc"), ("c",)),
    ],
)
def test_a_pattern_means_what_it_says(
    patterns: tuple[str, ...], seen: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    caller = Principal(id="1", name="x", scopes=frozenset(), queues=patterns)

    assert all(caller.sees(queue) for queue in seen)
    assert not any(caller.sees(queue) for queue in hidden)


def test_a_hostile_pattern_is_matched_in_linear_time() -> None:
    pattern = "*a" * 31 + "*b"
    caller = Principal(id="1", name="x", scopes=frozenset(), queues=(pattern,))

    began = time.perf_counter()
    assert not caller.sees("a" * 64)
    assert time.perf_counter() - began < 0.05


def nightshift(url: str, namespace: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "token", *arguments],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": url, "NIGHTSHIFT_NAMESPACE": namespace},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def test_the_command_makes_lists_rotates_and_revokes(
    api: Api, redis_url: str, namespace: str, store: TokenStore
) -> None:
    def run(*arguments: str) -> str:
        return nightshift(redis_url, namespace, *arguments)

    text = run("create", "ci", "--scope", "read", "--queue", "demo").strip()
    token_id = text.split("_")[1]
    assert api.get("/api/v1/tasks", token=text).status_code == 200
    assert token_id in run("list")
    new = run("rotate", token_id, "--overlap-s", "0").strip()
    assert store.authenticate(text) is None
    assert store.authenticate(new) is not None
    run("revoke", token_id)
    assert store.all() == []
