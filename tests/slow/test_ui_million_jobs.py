"""With a million jobs in Redis no page looks at all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.api import running_api
from tests.support.dashboard import Visitor
from tests.support.dashboard_stack import Stack
from tests.support.many_jobs import multiply

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

COPIES = 250_000
#: Processor time of the api and of Redis together: what else the machine has to do
#: does not count.
LOOKS, BOUND_S = 5, 0.2


def test_every_page_answers_quickly(
    redis_url: str, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = Stack(redis_url, namespace, tmp_path, "")
    mail = {"to": ["ada@example.com"], "template": "welcome"}
    done = stack.add("send-email", data=mail)
    stack.complete("email", stack.take(done), b'{"messageId":"x"}')
    failed = stack.add("send-email", data=mail)
    stack.fail("email", stack.take(failed))
    waiting = stack.add("send-email", data=mail)
    delayed = stack.add("send-email", data=mail, delay=3_600_000)
    for job in (done, failed, waiting, delayed):
        multiply(stack.client, namespace, stack.jobs.find("email", job.id), COPIES)
    with running_api(redis_url, namespace, tmp_path) as api:
        visitor = Visitor(api)
        took = {
            path: seconds(visitor, stack, path) for path in pages(visitor, failed.id)
        }
    held = sum(stack.jobs.inspector.counts("email").values())
    stack.close()

    with capsys.disabled():
        for path, spent in took.items():
            print(f"{spent * 1000:6.0f} ms  {path}")  # noqa: T201 - the figures
    assert held >= 4 * COPIES
    assert {path: s for path, s in took.items() if s > BOUND_S} == {}


def pages(visitor: Visitor, job_id: str) -> list[str]:
    rules = visitor.client.application.url_map.iter_rules()
    plain = sorted(
        rule.rule.removeprefix("/admin/queues")
        for rule in rules
        if rule.endpoint.startswith("ui.")
        and "GET" in (rule.methods or ())
        and "<" not in rule.rule
    )
    states = ("waiting", "delayed", "active", "completed", "failed", "cancelled")
    return [
        *(path for path in plain if path != "/sign-in"),
        *(f"/queue/email?state={state}" for state in states),
        "/queue/email?state=failed&q=not-there",
        "/queue/email?state=waiting&tag=not-there",
        "/search?q=not-there",
        "/search/queue/email?q=not-there",
        f"/job/email/{job_id}",
        f"/job/email/{job_id}/again",
        f"/job/email/waiting-{COPIES - 1:07d}",
    ]


def seconds(visitor: Visitor, stack: Stack, path: str) -> float:
    """Return what one look at a page costs, in seconds of processors."""
    visitor.get(path)
    began = time.process_time() + redis_seconds(stack)
    for _ in range(LOOKS):
        answer = visitor.get(path)
        assert answer.status_code == 200, (path, answer.text)
    return (time.process_time() + redis_seconds(stack) - began) / LOOKS


def redis_seconds(stack: Stack) -> float:
    used = stack.client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])
