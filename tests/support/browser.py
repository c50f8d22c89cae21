"""Debian's Chromium, driven by Playwright, and somebody signed in to the dashboard."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.support.api import TOKEN
from tests.support.dashboard import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page

DESKTOP, PHONE = (1360, 850), (390, 844)
#: A page has this long for whatever a test waits for; CI's machine is slow.
PATIENCE_MS = 20_000
#: Runs before every page's own scripts, and remembers what the policy refused.
_WATCH = """
window.__refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.__refused.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Start Chromium; it has ended when the block ends."""
    program = shutil.which("chromium")
    assert program is not None, "no Chromium: run `make test-tools`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            # Root in a container has no sandbox; the pages are our own.
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """Somebody at a browser.

    Attributes:
        page: The browser's page.
        base: Address of the api.
        troubles: What the console complained about, and what scripts raised.
    """

    page: Page
    base: str
    troubles: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> Page:
        """Open a page; `path` is what follows `/admin/queues`."""
        self.page.goto(f"{self.base}{ROOT}{path}")
        return self.page

    def sign_in(self, token: str = TOKEN) -> None:
        """Sign in by the form."""
        self.open("/sign-in")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.get_by_role("heading", name="Overview").wait_for()

    def refused(self) -> list[str]:
        """Return what the page's policy refused."""
        found: list[str] = self.page.evaluate("window.__refused")
        return found


@contextmanager
def person(
    browser: Browser,
    base: str,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
    token: str | None = TOKEN,
) -> Iterator[Person]:
    """Give somebody a fresh browser profile, signed in unless `token` is None."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(_WATCH)
    page = context.new_page()
    somebody = Person(page, base)

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            somebody.troubles.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: somebody.troubles.append(str(error)))
    try:
        if token is not None:
            somebody.sign_in(token)
        yield somebody
    finally:
        context.close()
