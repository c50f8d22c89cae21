"""Programs that only the checks of what we deploy need, such as promtool."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def program(name: str) -> str:
    """Return where a program is; without it the test is skipped, in CI it fails."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is not installed; `make test-tools` does that."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*command: str, folder: Path | None = None) -> str:
    """Run a program to its good end and return what it printed."""
    done = run_any(*command, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_any(
    *command: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to whatever end."""
    return subprocess.run(
        [program(command[0]), *command[1:]],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )
