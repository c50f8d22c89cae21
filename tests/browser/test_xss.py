"""Sixty texts that want to be scripts, in every field that reaches a page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from shared import clock
from shared.access.principal import Scope
from shared.access.token_store import TokenStore
from shared.broker.presence import Presence, WorkerInfo
from shared.jobs.options import JobOptions
from shared.schedules.book import ScheduleBook
from shared.schedules.definition import ScheduleDefinition, Template
from shared.schedules.store import ScheduleStore
from shared.storage.places import Folder
from shared.storage.storage import Storage
from tests.support.browser import person
from tests.support.busy_house import add_many
from tests.support.payloads import PAYLOADS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser

#: What the payloads call, and what a browser shows by itself.
_TRAP = """
window.hit = () => console.error("A PAYLOAD RAN");
window.alert = window.confirm = window.prompt = window.hit;
"""
#: Most letters of a tag, and of a schedule's description.
_TAG, _DESCRIPTION = 64, 200


def plant(stack: Stack) -> list[str]:
    """Put every payload into every field of a job; return the jobs' ids."""
    jobs = [
        ({"msg": payload, "steps": at % 5}, JobOptions(tags=(payload[:_TAG],)))
        for at, payload in enumerate(PAYLOADS)
    ]
    add_many(stack, "echo", jobs)
    taken = stack.claim("demo", len(PAYLOADS))
    storage = Storage(Folder(stack.folder), max_bytes=1_000_000)
    for at, (one, payload) in enumerate(zip(taken, PAYLOADS, strict=True)):
        stack.log("demo", one, payload, f"step {payload}")
        stack.progress("demo", one, json.dumps({"note": payload}).encode())
        if at % 3 == 0:
            kind = ("text/csv", "text/html", "image/svg+xml")[at // 3 % 3]
            file = storage.put(
                f"{payload},{payload}\n{payload}".encode(),
                name=f"{payload}.csv",
                content_type=kind,
            )
            result = {payload: payload, "id": file.id, "name": file.name}
            stack.complete("demo", [one], json.dumps(result).encode())
        elif at % 3 == 1:
            trace = f'  File "/app/{payload}", line 1, in {payload}\n    {payload}\n'
            stack.fail("demo", [one], payload, f"Traceback:\n{trace}{payload}")
    return [one.job_id for one in taken]


def plant_elsewhere(stack: Stack) -> None:
    """Put the payloads into what is no job."""
    tokens = TokenStore(stack.client, namespace=stack.namespace)
    store = ScheduleStore(stack.client, namespace=stack.namespace)
    book = ScheduleBook(store, catalogue=stack.jobs.catalogue)
    presence = Presence(stack.client, namespace=stack.namespace)
    for at, payload in enumerate(PAYLOADS):
        tokens.create(payload, scopes=(Scope.READ,), queues=(payload,))
        template = Template(
            name="echo", data={"msg": payload}, opts={"tags": [payload[:_TAG]]}
        )
        definition = ScheduleDefinition(
            description=payload[:_DESCRIPTION], every=3_600_000, template=template
        )
        book.put(f"s{at}", definition)
        store.note(f"s{at}", {"outcome": payload, "reason": payload, "slot": 1})
        worker = WorkerInfo(
            name=payload,
            host=payload,
            pid=1,
            queues=("demo", payload),
            tasks=(payload,),
            threads=1,
            running=(f"demo/{payload}",),
            started=clock.now_ms(),
            version=payload,
        )
        presence.announce(worker)


def watched(somebody: Person) -> None:
    """Let a payload that runs be seen, wherever it runs."""
    somebody.page.context.add_init_script(_TRAP)
    somebody.page.on("dialog", lambda dialog: dialog.dismiss())


def check(somebody: Person, path: str) -> None:
    """Open a page, try its fields, and look for what ran or was refused."""
    page = somebody.open(path)
    page.keyboard.press("Tab")
    assert somebody.troubles == [], (path, somebody.troubles)
    assert somebody.refused() == [], path


def test_the_trap_catches_what_runs(chromium: Browser, stack: Stack) -> None:
    with person(chromium, stack.base) as somebody:
        watched(somebody)
        somebody.page.goto("about:blank")
        somebody.page.set_content("<img src=x onerror=hit()>")
        somebody.page.wait_for_function("document.images[0].complete")

        assert "A PAYLOAD RAN" in somebody.troubles


def test_the_policy_reports_what_it_refuses(chromium: Browser, stack: Stack) -> None:
    with person(chromium, stack.base) as somebody:
        watched(somebody)
        page = somebody.open()
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p onclick=1>')")
        page.wait_for_function("window.__refused.length > 0")

        assert "script-src" in somebody.refused()[0]


def test_no_payload_runs_anywhere(chromium: Browser, stack: Stack) -> None:
    jobs = plant(stack)
    plant_elsewhere(stack)
    lists = [f"/queue/demo?state={s}" for s in ("active", "completed", "failed")]
    with person(chromium, stack.base) as somebody:
        watched(somebody)
        for path in ("", *lists, "/failures", "/schedules", "/schedules?after=s3"):
            check(somebody, path)
        for path in ("/workers", "/redis", "/tokens", "/audit", "/settings"):
            check(somebody, path)
        for at, job_id in enumerate(jobs):
            check(somebody, f"/job/demo/{job_id}")
            check(somebody, f"/schedules/s{at}")
        for job_id in jobs[::7]:
            check(somebody, f"/job/demo/{job_id}/again")
        for at in range(0, len(jobs), 7):
            check(somebody, f"/schedules/s{at}/edit")


def test_no_payload_runs_that_an_address_brings(
    chromium: Browser, stack: Stack
) -> None:
    with person(chromium, stack.base) as somebody:
        watched(somebody)
        for payload in PAYLOADS:
            word = quote(payload, safe="")
            check(somebody, f"/search?q={word}")
            check(somebody, f"/queue/demo?q={word}&tag={quote(payload[:60], safe='')}")


def test_a_file_never_runs_in_our_name(chromium: Browser, stack: Stack) -> None:
    storage = Storage(Folder(stack.folder), max_bytes=1_000_000)
    with person(chromium, stack.base) as somebody:
        watched(somebody)
        for kind in ("text/html", "image/svg+xml", "application/pdf", "image/png"):
            text = (
                b"<svg xmlns='http://www.w3.org/2000/svg'><script>hit()</script></svg>"
            )
            file = storage.put(text, name="x.html", content_type=kind)
            answer = somebody.page.context.request.get(
                f"{stack.base}/admin/queues/file/{file.id}"
            )

            if answer.ok:
                assert "sandbox" in answer.headers["content-security-policy"]
                assert "html" not in answer.headers["content-type"]
                assert "svg" not in answer.headers["content-type"]
