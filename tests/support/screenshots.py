"""Pictures of every page, in both themes and on a phone: `make screenshots`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from shared import ids
from tests.support.api_process import running_service
from tests.support.browser import DESKTOP, PHONE, person, running_chromium
from tests.support.busy_house import announce, fill
from tests.support.dashboard_places import places
from tests.support.dashboard_stack import Stack
from tests.support.topologies import running_redis

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
_FACES = (("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, False))
#: A longer page is cut; nobody looks at a picture of three screens.
_TALLEST = 1600
_QUALITY = 72
#: Shows the folders of a container instead of those of the machine that takes it.
_HIDE_FOLDERS = """
(machines) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    text.data = text.data.split(machines).join("/var/lib/nightshift");
  }
}
"""


def take(browser: Browser, stack: Stack, folder: Path) -> None:
    """Write one picture per page and face into `folder`."""
    for face, size, dark in _FACES:
        with person(browser, stack.base, size=size, dark=dark) as somebody:
            for place in places(stack):
                announce(stack)
                page = somebody.open(place.path)
                page.wait_for_load_state("networkidle")
                page.evaluate(_HIDE_FOLDERS, tempfile.gettempdir())
                shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                height = min(shot.height, _TALLEST)
                shot.crop((0, 0, shot.width, height)).convert("RGB").save(
                    folder / f"{place.name}-{face}.webp", quality=_QUALITY, method=6
                )


def main(folder: Path) -> None:
    """Start an api over a filled Redis and take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    namespace = f"t{ids.new_id()}"
    with (
        running_redis("server") as url,
        tempfile.TemporaryDirectory() as files,
        running_service(url, namespace, Path(files)) as service,
        running_chromium() as browser,
    ):
        base = f"http://127.0.0.1:{service.port}"
        stack = Stack(url, namespace, Path(files), base)
        fill(stack)
        take(browser, stack, folder)
        stack.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
