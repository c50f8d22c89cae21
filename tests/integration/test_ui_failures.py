"""Failures in groups, and a group that runs again slowly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.api.ui import failure_lookout
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support.api import Api, running_api
from tests.support.busy_house import add_many
from tests.support.dashboard import Visitor
from tests.support.dashboard_stack import Stack
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.api.failure_groups import FailureGroup


@pytest.fixture
def api(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Api]:
    with running_api(redis_url, namespace, tmp_path) as api:
        yield api


@pytest.fixture
def stack(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(redis_url, namespace, tmp_path, "")
    yield stack
    stack.close()


def fail(stack: Stack, *reasons: str) -> None:
    add_many(stack, "echo", [({"msg": "x"}, JobOptions())] * len(reasons))
    for one, reason in zip(stack.claim("demo", len(reasons)), reasons, strict=True):
        stack.fail("demo", [one], reason)


def groups(stack: Stack) -> list[FailureGroup]:
    lookout = failure_lookout.FailureLookout(stack.client, namespace=stack.namespace)
    return lookout.look(["demo"]).groups


def counts(stack: Stack) -> dict[JobState, int]:
    return dict(stack.jobs.inspector.counts("demo"))


def test_failures_that_differ_in_names_and_numbers_are_one_group(
    api: Api, stack: Stack
) -> None:
    fail(stack, *(f"no such user u{n}@example.com" for n in range(20)))
    fail(stack, "ValueError: 'a' is no colour", "ValueError: 'b' is no colour")

    large, small = groups(stack)

    assert (large.count, large.pattern) == (20, "no such user …")
    assert (small.count, small.pattern) == (2, "ValueError: … is no colour")
    assert large.first <= large.last
    page = Visitor(api).get("/failures").text
    assert "22 failed jobs in 2 groups" in page
    assert "no such user …" in page


def test_of_very_many_failures_a_bounded_number_is_looked_at(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(stack, *(["the old reason"] * 600), *(["the new reason"] * 400))
    for name, value in (("NEWEST", 100), ("BLOCKS", 4), ("BLOCK", 10)):
        monkeypatch.setattr(failure_lookout, name, value)

    page = Visitor(api).get("/failures?queue=demo").text
    found = {group.pattern: group for group in groups(stack)}

    assert "Of 1\u202f000 failed jobs, 140 were looked at" in page
    assert sum(group.seen for group in found.values()) == 140
    assert found["the old reason"].count == pytest.approx(600, abs=250)
    assert sum(g.count for g in found.values()) == pytest.approx(1000, abs=2)


def test_a_group_runs_again_and_others_stay(api: Api, stack: Stack) -> None:
    fail(stack, *(["boo 1"] * 30), *(["hoo"] * 5))
    group = next(group for group in groups(stack) if group.count == 30)

    Visitor(api).post(
        "/queue/demo/retry-group", fingerprint=group.fingerprint, pace="0"
    )

    wait_for(lambda: counts(stack)[JobState.WAITING] == 30, within_s=20)
    assert counts(stack)[JobState.FAILED] == 5


def test_a_group_runs_again_slowly_and_holds_up_nobody(api: Api, stack: Stack) -> None:
    fail(stack, *(["boo 1"] * 40), "hoo")
    slow, other = groups(stack)
    visitor = Visitor(api)
    began = time.monotonic()

    visitor.post("/queue/demo/retry-group", fingerprint=slow.fingerprint, pace="10")
    visitor.post("/queue/demo/retry-group", fingerprint=other.fingerprint, pace="0")

    wait_for(lambda: counts(stack)[JobState.FAILED] <= 30, within_s=20)
    assert counts(stack)[JobState.WAITING] < 41
    wait_for(lambda: counts(stack)[JobState.WAITING] == 41, within_s=60)
    # Forty jobs at ten per second: three pauses of a second lie between four batches.
    assert time.monotonic() - began >= 2.9


def test_a_slow_operation_is_stopped(api: Api, stack: Stack) -> None:
    fail(stack, *(["boo"] * 40))
    wish = {"filter": {"fingerprint": groups(stack)[0].fingerprint}, "perSecond": 1}
    begun = api.post("/api/v1/queues/demo/retry", json=wish)
    address = begun.headers["Location"]
    wait_for(lambda: counts(stack)[JobState.WAITING] >= 10, within_s=20)

    api.post(f"{address}/stop")

    wait_for(lambda: api.get(address).get_json()["state"] == "stopped", within_s=20)
    assert counts(stack)[JobState.FAILED] >= 20


@pytest.mark.parametrize(
    "fields",
    [
        {"fingerprint": "", "pace": "10"},
        {"fingerprint": "x", "pace": "10"},
        {"fingerprint": "0" * 12, "pace": "7"},
        {"fingerprint": "0" * 12},
    ],
)
def test_nonsense_is_refused(api: Api, fields: dict[str, str]) -> None:
    answer = Visitor(api).post("/queue/demo/retry-group", **fields)

    assert answer.status_code == 422
