"""Somebody who has never seen it mends a customer's failed job, in four clicks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from shared.jobs.states import JobState

if TYPE_CHECKING:
    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser

MOST_CLICKS = 4
#: Counts over all pages of the visit what a hand does with the mouse.
_COUNT = """
document.addEventListener("click", (event) => {
  if (!event.isTrusted || event.detail === 0) return;
  const before = Number(sessionStorage.getItem("clicks") ?? 0);
  sessionStorage.setItem("clicks", before + 1);
}, true);
"""


def test_a_customers_failed_job_is_found_understood_mended_and_run_again(
    visitor: Person, stack: Stack
) -> None:
    jobs = [
        stack.add(
            "send-email",
            data={
                "to": ["ada@acme.exmaple" if n == 150 else f"c{n}@example.com"],
                "template": "welcome",
            },
            tags=("customer-acme" if n == 150 else f"customer-{n}",),
        )
        for n in range(300)
    ]
    stack.fail("email", stack.take(*jobs), "SMTPRecipientsRefused: no such domain")
    page = visitor.page
    page.add_init_script(_COUNT)
    visitor.open()

    # Find it: the search has the key that every search has, and a click as well.
    page.get_by_placeholder("Search all queues").click()
    page.keyboard.type("acme")
    page.keyboard.press("Enter")
    page.locator(".found a").first.click()

    # See why.
    expect(page.get_by_text("no such domain").first).to_be_visible()
    expect(page.get_by_text("ada@acme.exmaple").first).to_be_visible()

    # Mend the data, run it again.
    page.get_by_role("link", name="Edit and run again").click()
    data = page.get_by_label("Data")
    mended = data.input_value().replace("exmaple", "example")
    data.fill(mended)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("The changed job is accepted")).to_be_visible()

    assert int(page.evaluate("sessionStorage.getItem('clicks')")) <= MOST_CLICKS
    new_id = page.url.rpartition("/")[2]
    new = stack.jobs.find("email", new_id)
    assert new.state is JobState.WAITING
    assert json.loads(new.data)["to"] == ["ada@acme.example"]
    assert stack.jobs.inspector.job("email", jobs[150].id) is None
