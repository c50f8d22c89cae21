"""What every page has: signing in, the theme, live updates, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import PHONE, person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.support.browser import Person
    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser


def test_signing_in_and_out(chromium: Browser, stack: Stack) -> None:
    with person(chromium, stack.base, token=None) as somebody:
        page = somebody.open("/queue/demo")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        somebody.sign_in()
        page.get_by_role("button", name="Sign out").click()

        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert somebody.troubles == []


def test_the_theme_changes_and_stays(visitor: Person) -> None:
    page = visitor.open()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")

    page.get_by_role("button", name="Theme").click()
    page.reload()

    assert page.locator("html").get_attribute("data-theme") == "dark"
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before != after


def test_a_page_updates_itself_while_it_is_on_and_not_while_it_is_off(
    visitor: Person,
) -> None:
    page = visitor.open()
    with page.expect_response(lambda r: r.request.headers.get("hx-request") == "true"):
        pass

    page.keyboard.press("l")

    expect(page.get_by_role("button", name="Paused")).to_be_visible()


def test_keys_are_listed(visitor: Person) -> None:
    page = visitor.open()
    page.keyboard.press("?")

    expect(page.get_by_role("heading", name="Keys")).to_be_visible()


def test_no_page_is_wider_than_a_phone(chromium: Browser, stack: Stack) -> None:
    with person(chromium, stack.base, size=PHONE) as somebody:
        for path in ("", "/queue/demo"):
            page = somebody.open(path)
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")

            assert wide <= 0, path
