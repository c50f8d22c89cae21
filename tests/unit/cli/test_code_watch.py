from __future__ import annotations

import queue
from typing import TYPE_CHECKING

import pytest

from cli.code_watch import CodeWatch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("changed", "folder"),
    [
        ("services/api/routes/jobs.py", "services/api"),
        ("services/worker/templates/email/welcome.html", "services/worker"),
        ("shared/broker/lua/claim.lua", "shared"),
    ],
)
def test_says_in_which_folder_something_changed(
    tmp_path: Path, changed: str, folder: str
) -> None:
    file = tmp_path / changed
    file.parent.mkdir(parents=True)
    file.write_text("before")
    seen: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()

    with CodeWatch(seen.put, root=tmp_path):
        # The watch begins a moment after the thread; write until it has seen one.
        for number in range(100):
            file.write_text(f"after {number}")
            try:
                assert seen.get(timeout=0.2) == frozenset({folder})
            except queue.Empty:
                continue
            return
    pytest.fail("no change was seen")
