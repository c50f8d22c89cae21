"""deploy/images/compile.py compiles what a program imports, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/images/compile.py"


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An application in `app` and its libraries in `libraries`."""
    for path, text in {
        "libraries/used.py": "X = 1\n",
        "libraries/unused.py": "X = 1\n",
        "app/ours/__init__.py": "",
        "app/ours/deep/__init__.py": "",
        "app/ours/deep/work.py": "import used\n",
        "app/ours/__main__.py": "raise SystemExit(3)\n",
        "app/ours/wsgi.py": "raise SystemExit(3)\n",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def compile_image(image: Path) -> subprocess.CompletedProcess[str]:
    # The prefix of this interpreter stands for the image's environment.
    program = (
        f"import runpy, sys; sys.prefix = {str(image / 'libraries')!r};"
        f"sys.path.insert(0, sys.prefix); sys.argv = ['compile.py', 'ours'];"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=image / "app",
        capture_output=True,
        text=True,
        check=False,
    )


def compiled(folder: Path) -> set[str]:
    return {file.name.partition(".")[0] for file in folder.rglob("*.pyc")}


def test_libraries_get_bytecode_where_it_is_used(image: Path) -> None:
    assert compile_image(image).returncode == 0
    assert compiled(image / "libraries") == {"used"}


def test_the_application_is_compiled_as_a_whole(image: Path) -> None:
    assert compile_image(image).returncode == 0
    assert compiled(image / "app") == {"__init__", "__main__", "wsgi", "work"}


def test_a_module_that_lacks_something_stops_the_build(image: Path) -> None:
    (image / "libraries/used.py").unlink()
    answer = compile_image(image)
    assert answer.returncode == 1
    assert "No module named 'used'" in answer.stderr


def test_a_module_that_is_no_python_stops_the_build(image: Path) -> None:
    (image / "app/ours/__main__.py").write_text("x =\n")
    assert compile_image(image).returncode == 1
