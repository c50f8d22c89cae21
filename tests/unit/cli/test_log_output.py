from __future__ import annotations

import errno
import io
import json
from typing import TYPE_CHECKING

from rich.console import Console

from cli import log_output
from cli.log_output import LogOutput

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def printed(*lines: str, folder: Path, raw: bool = False, shown: bool = True) -> str:
    file = io.StringIO()
    output = LogOutput(Console(file=file, width=80), folder, raw=raw, shown=shown)
    for line in lines:
        output.line("api", line)
    return file.getvalue()


def test_prints_long_lines_whole(tmp_path: Path) -> None:
    long = "x" * 500

    assert long in printed(long, folder=tmp_path)


def test_prints_raw_lines_byte_for_byte(tmp_path: Path) -> None:
    line = json.dumps({"event": "a [b] " + "c" * 200, "url": "http://x/1"})

    assert printed(line, folder=tmp_path, raw=True) == line + "\n"


def test_writes_a_file_also_when_nothing_is_shown(tmp_path: Path) -> None:
    assert printed("one", "two", folder=tmp_path, shown=False) == ""
    assert (tmp_path / "api.log").read_text() == "one\ntwo\n"


def test_sets_a_large_file_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_output, "_LARGEST_FILE", 10)
    printed("one", "a longer line", "two", folder=tmp_path)

    assert (tmp_path / "api.log.1").read_text() == "one\na longer line\n"
    assert (tmp_path / "api.log").read_text() == "two\n"


def test_goes_on_when_the_disk_can_not_be_written(tmp_path: Path) -> None:
    assert "one" in printed("one", folder=tmp_path / "missing")


def test_own_sentences_are_json_among_raw_lines(tmp_path: Path) -> None:
    file = io.StringIO()
    LogOutput(Console(file=file, width=80), tmp_path, raw=True).tell("api is back.")

    assert json.loads(file.getvalue())["event"] == "api is back."


class GoneTerminal(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_goes_on_when_the_terminal_is_gone(tmp_path: Path) -> None:
    output = LogOutput(Console(file=GoneTerminal(), width=80), tmp_path)
    output.line("api", "one")
    output.line("api", "two")
    output.tell("three")

    assert (tmp_path / "api.log").read_text() == "one\ntwo\n"
