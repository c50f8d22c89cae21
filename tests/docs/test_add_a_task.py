"""Who follows docs/how-to/add-a-task.md, in a copy of the code, gets what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-task.md"
FOLDERS = ("shared", "services", "cli", "tests")
FILE = re.compile(r"Create `([\w/]+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)


@pytest.mark.timeout(300)
def test_the_task_of_the_page_passes_its_tests(tmp_path: Path) -> None:
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "docs")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    written = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    for name, content in written.items():
        assert not (tmp_path / name).exists(), name
        (tmp_path / name).write_text(content, encoding="utf-8")
    tests = [name for name in written if name.startswith("tests/")]
    pairs = "tests/architecture/test_task_pairs.py"

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", *tests, pairs],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *written],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(written) == 4
    assert done.returncode == 0, done.stdout + done.stderr
    assert checked.returncode == 0, checked.stdout
