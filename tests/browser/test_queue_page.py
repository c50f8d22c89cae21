"""A queue in a real browser: live counts, search, keys, selection, all that fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser


def failed_mails(stack: Stack, customer: str, count: int) -> list[str]:
    jobs = [
        stack.add(
            "send-email",
            data={"to": [f"{customer}@example.com"], "template": "welcome"},
            tags=(f"customer-{customer}",),
        )
        for _ in range(count)
    ]
    stack.fail("email", stack.take(*jobs))
    return [job.id for job in jobs]


def test_counts_and_rows_change_while_somebody_looks(
    visitor: Person, stack: Stack
) -> None:
    page = visitor.open("/queue/media?state=waiting")
    expect(page.get_by_text("No waiting job.")).to_be_visible()

    job = stack.add("transcode-video", data={"source": "0" * 20, "preset": "mp4"})

    expect(page.locator(f"#job-{job.id}")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("^Waiting 1"))).to_be_visible()


def test_a_search_stands_in_the_address_and_stays_over_the_tabs(
    visitor: Person, stack: Stack
) -> None:
    [ada] = failed_mails(stack, "ada", 1)
    [bob] = failed_mails(stack, "bob", 1)
    page = visitor.open("/queue/email?state=failed")

    page.keyboard.press("/")
    page.keyboard.type("ADA@example")
    page.keyboard.press("Enter")

    expect(page.locator(f"#job-{ada}")).to_be_visible()
    expect(page.locator(f"#job-{bob}")).to_have_count(0)
    assert "q=ADA%40example" in page.url
    page.get_by_role("link", name=re.compile("^Completed")).click()
    assert "q=ADA@example" in page.url
    expect(page.get_by_text("No completed job fits.")).to_be_visible()


def test_keys_move_through_rows_select_and_open(visitor: Person, stack: Stack) -> None:
    failed_mails(stack, "keys", 2)
    page = visitor.open("/queue/email?state=failed&tag=customer-keys")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")

    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Error")).to_be_visible()


def test_selected_rows_are_retried(visitor: Person, stack: Stack) -> None:
    jobs = failed_mails(stack, "chosen", 3)
    page = visitor.open("/queue/email?state=failed&tag=customer-chosen")

    page.get_by_label("Select all on this page").check()
    page.locator(f"#job-{jobs[0]} input").uncheck()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.locator("[data-selection-bar]").get_by_role("button", name="Retry").click()

    expect(page.get_by_text("2 jobs run again.")).to_be_visible()
    expect(page.locator(f"#job-{jobs[0]}")).to_be_visible()
    expect(page.locator(f"#job-{jobs[1]}")).to_have_count(0)


def test_ticked_rows_wait_for_their_owner(visitor: Person, stack: Stack) -> None:
    """While rows are ticked nothing moves below the hand; afterwards it goes on."""
    [job] = failed_mails(stack, "held", 1)
    page = visitor.open("/queue/email?state=failed&tag=customer-held")
    page.locator(f"#job-{job} input").check()

    stack.operator.remove("email", [job])
    asked: list[str] = []
    page.on(
        "request",
        lambda r: asked.append(r.url) if r.headers.get("hx-request") else None,
    )
    # Another look at the same list goes on, twice; by then this one would have, too.
    other = page.context.new_page()
    other.goto(page.url)
    for _ in range(2):
        with other.expect_response(
            lambda r: r.request.headers.get("hx-request") == "true"
        ):
            pass
    other.close()
    assert asked == []

    page.locator(f"#job-{job} input").uncheck()
    expect(page.locator(f"#job-{job}")).to_have_count(0)


def test_all_that_fit_are_counted_and_taken_back_in_time(
    visitor: Person, stack: Stack
) -> None:
    failed_mails(stack, "undo", 4)
    page = visitor.open("/queue/email?state=failed&tag=customer-undo")

    page.get_by_role("group", name="All jobs that fit").get_by_role(
        "button", name="Remove"
    ).click()
    expect(page.get_by_text("4 jobs fit. Nothing has changed yet.")).to_be_visible()
    page.get_by_role("button", name="Remove 4 jobs").click()
    expect(page.get_by_text(re.compile("Remove begins in"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()

    expect(page.get_by_text("Taken back.")).to_be_visible()
    page = visitor.open("/queue/email?state=failed&tag=customer-undo")
    expect(page.locator("tr[data-row]")).to_have_count(4)


def test_all_that_fit_are_changed_when_nobody_takes_it_back(
    visitor: Person, stack: Stack
) -> None:
    failed_mails(stack, "again", 3)
    page = visitor.open("/queue/email?state=failed&tag=customer-again")

    page.get_by_role("group", name="All jobs that fit").get_by_role(
        "button", name="Retry"
    ).click()
    page.get_by_role("button", name="Retry 3 jobs").click()

    expect(page.get_by_text("3 jobs done.")).to_be_visible(timeout=60_000)


def test_pausing_resuming_and_limiting(visitor: Person, stack: Stack) -> None:
    page = visitor.open("/queue/report")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("This queue is paused")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("report goes on.")).to_be_visible()

    page.get_by_role("button", name="Limits").click()
    page.get_by_label("Jobs that run at the same time").fill("7")
    page.get_by_role("button", name="Set the limits").click()

    expect(page.get_by_text("run at once, at most")).to_be_visible()
    assert stack.operator.limits("report").concurrency == 7


def test_columns_are_chosen_and_stand_in_the_address(
    visitor: Person, stack: Stack
) -> None:
    failed_mails(stack, "columns", 1)
    page = visitor.open("/queue/email?state=failed&tag=customer-columns")
    page.locator("summary", has_text="More").click()
    page.get_by_label("Data", exact=True).check()
    page.get_by_role("button", name="Apply").click()

    expect(page.get_by_role("columnheader", name="Data")).to_be_visible()
    assert "columns=data.tags" in page.url
    expect(page.get_by_text('{"to":["columns@example.com"]')).to_be_visible()


def test_the_chart_is_drawn_and_keeps_standing(visitor: Person, stack: Stack) -> None:
    page = visitor.open("/queue/email")
    expect(page.locator(".chart-area canvas")).to_be_visible()

    with page.expect_response(lambda r: r.request.headers.get("hx-request") == "true"):
        pass

    expect(page.locator(".chart-area canvas")).to_have_count(1)
