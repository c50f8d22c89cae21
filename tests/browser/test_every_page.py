"""What holds for every page: accessible, no complaint of the browser, fits a phone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api import running_api
from tests.support.browser import DESKTOP, PHONE, person
from tests.support.busy_house import announce
from tests.support.dashboard_places import NO_PAGES, places

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.support.dashboard_stack import Stack

pytestmark = pytest.mark.browser

_AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js"
#: Findings below these are matters of taste.
SERIOUS = frozenset({"serious", "critical"})
_RUN = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  const shown = (rule) => rule.nodes.slice(0, 3).map((node) => node.html);
  return found.violations.map(
    (rule) => ({id: rule.id, impact: rule.impact, nodes: shown(rule)}));
}"""


def violations(page: Page) -> list[dict[str, Any]]:
    """Return what axe-core finds serious on a page."""
    # Through the debugger: the page's own policy would not let it in.
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return [one for one in found if one["impact"] in SERIOUS]


def test_axe_finds_what_is_wrong(chromium: Browser) -> None:
    page = chromium.new_page()
    page.set_content("<main><img src=x><p style='color:#ccc;background:#fff'>pale</p>")

    assert {one["id"] for one in violations(page)} >= {"image-alt", "color-contrast"}
    page.close()


def test_every_page_has_a_place_here(
    redis_url: str, namespace: str, tmp_path: Path, busy: Stack
) -> None:
    with running_api(redis_url, namespace, tmp_path) as api:
        pages = {
            rule.endpoint.removeprefix("ui.")
            for rule in api.app.url_map.iter_rules()
            if rule.endpoint.startswith("ui.") and "GET" in (rule.methods or set())
        }

    seen = {place.endpoint for place in places(busy)} | {"sign_in", "operation"}
    assert pages - NO_PAGES - seen == set()


@pytest.mark.parametrize(
    ("size", "dark"),
    [(DESKTOP, False), (DESKTOP, True), (PHONE, False)],
    ids=["light", "dark", "phone"],
)
def test_every_page_is_accessible_and_fits(
    chromium: Browser, busy: Stack, size: tuple[int, int], *, dark: bool
) -> None:
    wrong: dict[str, Any] = {}
    with person(chromium, busy.base, size=size, dark=dark) as somebody:
        for place in places(busy):
            announce(busy)
            page = somebody.open(place.path)
            if found := violations(page):
                wrong[place.name] = found
            if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
                wrong[f"{place.name} is too wide"] = page.url
            if place.name == "error":
                # The browser complains of the status itself.
                somebody.troubles.clear()
            if somebody.troubles or somebody.refused():
                wrong[f"{place.name} complains"] = [*somebody.troubles]
                somebody.troubles.clear()

    assert not wrong, json.dumps(wrong, indent=1)


def test_the_sign_in_page_is_accessible(chromium: Browser, busy: Stack) -> None:
    with person(chromium, busy.base, token=None) as somebody:
        page = somebody.open("/sign-in")

        assert violations(page) == []
