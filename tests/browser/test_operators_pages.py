"""What operators and admins do on their pages, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from shared.jobs.states import JobState
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser


def test_a_job_is_added_by_its_form(busy: Stack, visitor: Person) -> None:
    page = visitor.open("/add")
    page.get_by_role("link", name="echo").click()
    page.locator('[name="data.msg"]').fill("from the form")
    page.get_by_label("Tags").fill("by-hand")
    page.get_by_role("button", name="Add job").click()

    expect(page.get_by_text("The job is accepted.")).to_be_visible()
    expect(page.locator("#data-text")).to_contain_text("from the form")
    expect(page.get_by_role("link", name="by-hand")).to_be_visible()


def test_a_group_of_failures_runs_again(busy: Stack, visitor: Person) -> None:
    before = busy.jobs.inspector.counts("image")
    page = visitor.open("/failures?queue=image")
    page.get_by_label("How fast").select_option("0")
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()

    expect(page.get_by_text("The group runs again")).to_be_visible()
    wait_for(lambda: busy.jobs.inspector.counts("image")[JobState.FAILED] == 0)
    assert before[JobState.FAILED] > 0


def test_a_schedule_is_made_paused_run_and_deleted(
    busy: Stack, visitor: Person
) -> None:
    page = visitor.open("/schedules")
    page.get_by_role("link", name="New schedule").click()
    page.get_by_label("Name").fill("owl")
    page.get_by_label("Pattern", exact=True).fill("0 9 * * mon")
    page.get_by_label("Task").select_option("health-check")
    page.get_by_role("button", name="Preview slots").click()
    expect(page.locator("li.run")).to_have_count(8)
    page.get_by_role("button", name="Create schedule").click()
    expect(page.get_by_text("owl was created.")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("owl rests")).to_be_visible()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("A job was created now")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_text("owl was removed.")).to_be_visible()


def test_a_token_is_made_shown_once_and_revoked(busy: Stack, visitor: Person) -> None:
    page = visitor.open("/tokens")
    page.get_by_label("Name").fill("new-shop")
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#secret-text")).to_contain_text("nst_")
    visitor.open("/tokens")
    expect(page.locator("#secret-text")).to_have_count(0)
    row = page.get_by_role("row").filter(has_text="new-shop")
    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()

    expect(page.get_by_text("Revoked. Sessions")).to_be_visible()
    expect(row).to_have_count(0)
