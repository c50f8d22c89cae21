"""One job in a real browser: live, readable, and run again with mended data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from shared.storage.storage import Storage
from tests.support.photos import corners, encoded

if TYPE_CHECKING:
    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser


def test_progress_logs_and_the_end_appear_by_themselves(
    visitor: Person, stack: Stack
) -> None:
    job = stack.add()
    [taken] = stack.take(job)
    page = visitor.open(f"/job/demo/{job.id}")
    expect(page.locator(".state-active").first).to_be_visible()

    stack.progress("demo", taken, b"60")
    stack.log("demo", taken, "step three of five")
    expect(page.get_by_text("60 %")).to_be_visible()
    expect(page.get_by_text("step three of five")).to_be_visible()

    stack.complete("demo", [taken], b'{"msg":"the result"}')
    expect(page.get_by_text('"the result"')).to_be_visible()


def test_a_fold_that_was_opened_stays_open_over_updates(
    visitor: Person, stack: Stack
) -> None:
    job = stack.add()
    [taken] = stack.take(job)
    page = visitor.open(f"/job/demo/{job.id}")
    page.locator("#options summary").click()
    page.locator("#data summary").click()

    stack.log("demo", taken, "something new")
    expect(page.get_by_text("something new")).to_be_visible()

    expect(page.locator("#options pre")).to_be_visible()
    expect(page.locator("#data pre")).to_be_hidden()
    stack.complete("demo", [taken], b"{}")


def test_the_traceback_opens_frame_by_frame(visitor: Person, stack: Stack) -> None:
    job = stack.add()
    stack.fail("demo", stack.take(job))
    page = visitor.open(f"/job/demo/{job.id}")
    hidden = page.get_by_text("res = actor(*message.args")
    expect(hidden).to_be_hidden()

    page.get_by_text("1 frame of dramatiq").click()

    expect(hidden).to_be_visible()


def test_the_data_is_copied_as_it_is(visitor: Person, stack: Stack) -> None:
    job = stack.add(data={"msg": "copy <me>"})
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.open(f"/job/demo/{job.id}")

    page.get_by_role("button", name="Copy data").click()

    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert json.loads(copied) == {"msg": "copy <me>"}


def test_removing_asks_first(visitor: Person, stack: Stack) -> None:
    job = stack.add(delay=3_600_000)
    page = visitor.open(f"/job/demo/{job.id}")

    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Keep as it is").click()
    assert stack.jobs.inspector.job("demo", job.id) is not None
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(page.get_by_text(f"The job {job.id} is removed.")).to_be_visible()
    assert stack.jobs.inspector.job("demo", job.id) is None


def test_pictures_of_a_result_are_drawn(visitor: Person, stack: Stack) -> None:
    storage = Storage(stack.folder, max_bytes=10_000_000)
    picture = storage.put(
        encoded(corners(64, 48), "JPEG"), name="small.jpg", content_type="image/jpeg"
    )
    job = stack.add()
    result = json.dumps({"file": {"fileId": picture.id}}).encode()
    stack.complete("demo", stack.take(job), result)

    page = visitor.open(f"/job/demo/{job.id}")
    image = page.get_by_role("img", name="small.jpg")

    expect(image).to_be_visible()
    page.wait_for_function("document.querySelector('.file img').naturalWidth === 64")


def test_mended_data_runs_again(visitor: Person, stack: Stack) -> None:
    job = stack.add("send-email", data={"to": ["x@example.com"], "template": "welcome"})
    stack.fail("email", stack.take(job))
    page = visitor.open(f"/job/email/{job.id}")

    page.get_by_role("link", name="Edit and run again").click()
    page.get_by_label("Data").fill('{"to": ["nobody"], "template": "welcome"}')
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("/data/to/0")).to_be_visible()
    # Chromium tells of the 422 that the form is answered with.
    assert [t for t in visitor.troubles if "422" not in t] == []
    visitor.troubles.clear()
    page.get_by_label("Data").fill('{"to": ["y@example.com"], "template": "welcome"}')
    page.get_by_role("button", name="Run").click()

    expect(page.get_by_text("the old one is removed")).to_be_visible()
    expect(page.get_by_text("y@example.com").first).to_be_visible()
