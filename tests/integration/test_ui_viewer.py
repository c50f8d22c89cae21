"""A viewer changes nothing, and no page changes anything by being looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.test_ui_every_route import routes_of
from tests.support.api import Api, running_api
from tests.support.busy_house import fill
from tests.support.dashboard import ORIGIN, Visitor
from tests.support.dashboard_stack import Stack
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import redis

#: What the api itself writes down: sessions, who tried what, totals per minute.
BOOKKEEPING = ("ui-session", "ui-attempts", "audit", "pace", "token-uses")


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    stack = Stack(redis_url, namespace, tmp_path, "")
    fill(stack)
    stack.close()
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


def contents(client: redis.Redis, namespace: str) -> dict[str, Any]:
    """Return what the keys of a namespace hold, but for the bookkeeping.

    Keys that go by themselves are left out: a busy machine takes its time. What DUMP
    says is no measure: a large hash that is read is reordered inside.
    """
    return {
        key: held
        for key, (_, held, expires) in snapshot(client, f"{namespace}:").items()
        if not expires and not key.split("}:", 1)[-1].startswith(BOOKKEEPING)
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Return the keys that came, went or hold something else."""
    return {
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    }


def test_a_viewer_changes_nothing_whatever_is_asked(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    visitor = Visitor(api, api.mint("read", name="viewer"))
    csrf = visitor.csrf()
    before = contents(client, namespace)

    for route in routes_of(api):
        if route.endpoint in {"ui.sign_out", "ui.sign_in_now"}:
            continue
        for path in (route.path(), route.path(schedule_id="cache")):
            answer = visitor.client.open(
                path, method=route.method, data={"csrf": csrf}, headers=ORIGIN
            )
            if route.method == "POST":
                assert answer.status_code == 403, route

    assert changed(before, contents(client, namespace)) == set()


def test_no_get_changes_anything_even_for_an_admin(
    api: Api, client: redis.Redis, namespace: str
) -> None:
    visitor = Visitor(api)
    before = contents(client, namespace)

    for route in routes_of(api):
        if route.method == "GET":
            visitor.client.get(route.path(schedule_id="cache"))

    assert changed(before, contents(client, namespace)) == set()


@pytest.mark.parametrize("action", ["Pause", "Run now", "Retry", "Delete", "Revoke"])
def test_a_viewer_sees_no_button_that_would_be_refused(api: Api, action: str) -> None:
    visitor = Visitor(api, api.mint("read", name="viewer"))

    for path in ("/schedules", "/schedules/health-check", "/failures", "/queue/email"):
        assert f">{action}</button>" not in visitor.get(path).text, path
