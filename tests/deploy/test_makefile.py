"""The Makefile explains itself, and says what is wrong with a machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_every_target() -> None:
    listed = re.findall(r"^  make ([a-z-]+) +\S", make().stdout, flags=re.MULTILINE)
    assert listed == re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE)
    assert {"demo", "up", "test", "check", "bench", "images"} <= set(listed)


def test_every_target_is_explained_and_phony() -> None:
    defined = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## \w", MAKEFILE, flags=re.MULTILINE))
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE)).split())
    assert defined == explained == phony


@pytest.mark.parametrize("name", ["old-python", "no-such-python"])
def test_a_python_that_is_too_old_or_missing_is_named(
    name: str, tmp_path: Path
) -> None:
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    program = str(tmp_path / name)
    answer = make("setup", f"PYTHON={program}", f"VENV={tmp_path}/venv")
    assert answer.returncode == 2
    assert f"Nightshift needs Python 3.11 or later, and '{program}'" in answer.stderr
    assert not (tmp_path / "venv").exists()
