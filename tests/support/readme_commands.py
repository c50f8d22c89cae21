"""The commands that deploy/README.md gives to its readers, run as they stand there."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.support.compose_stack import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.compose_stack import Stack

_README = ROOT / "deploy/README.md"


def block(words: str) -> str:
    """Return the first block of commands after some words of the README."""
    _, found, rest = _README.read_text().partition(words)
    assert found, f"deploy/README.md no longer says {words!r}"
    match = re.search(r"^```sh\n(.*?)^```$", rest, re.DOTALL | re.MULTILINE)
    assert match is not None, f"no commands follow {words!r}"
    return match[1]


def run(stack: Stack, commands: str, *, files: Mapping[str, Path]) -> str:
    """Run commands on a stack, and return what they printed.

    Args:
        stack: Stands for the installation of the reader.
        commands: A block of the README.
        files: Where the files lie that the commands name.
    """
    for name, path in files.items():
        assert name in commands
        commands = re.sub(
            rf"(?<![\w/.-]){re.escape(name)}(?![\w.-])", str(path), commands
        )
    answer = subprocess.run(
        ["sh", "-eu", "-c", commands],  # noqa: S607
        cwd=ROOT,
        env={
            **stack.variables(),
            "COMPOSE_PROJECT_NAME": stack.project,
            "COMPOSE_FILE": ":".join(stack.files),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout
