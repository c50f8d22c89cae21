"""The page that explains the API, from its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.api import TOKEN

if TYPE_CHECKING:
    from tests.support.browser import Person

pytestmark = pytest.mark.browser


def test_a_token_opens_the_description_and_a_call_can_be_tried(visitor: Person) -> None:
    page = visitor.page
    # Swagger UI draws seventy operations; that takes a slow machine its time.
    page.set_default_timeout(60_000)
    page.goto(f"{visitor.base}/docs")
    page.get_by_role("heading", name="The Nightshift API").wait_for()
    page.get_by_label("API token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()

    route = page.locator("#operations-jobs-jobs-add-demo")
    route.locator(".opblock-summary-control").click()
    route.get_by_role("button", name="Try it out").click()
    route.locator("textarea").first.fill('{"name": "echo", "data": {"msg": "hi"}}')
    route.get_by_role("button", name="Execute").click()

    status = route.locator(".live-responses-table tbody .response-col_status").first
    status.wait_for()
    assert status.inner_text().startswith("202")
