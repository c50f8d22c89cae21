from __future__ import annotations

import json

import pytest

from cli.log_line import printable, render


def test_shows_a_json_line_as_one_readable_line() -> None:
    record = {
        "event": "job_completed",
        "level": "info",
        "service": "worker",
        "timestamp": "2026-11-22T10:00:00Z",
        "queue": "email",
        "run_ms": 12,
    }

    words = render("worker", json.dumps(record)).plain.split()

    assert words[1:] == ["worker", "job_completed", "queue=email", "run_ms=12"]
    assert words[0].endswith(":00:00") or words[0].endswith("0:00")


def test_puts_a_traceback_below_its_line() -> None:
    record = {"event": "failed", "exception": "Traceback:\n  boom"}

    lines = render("api", json.dumps(record)).plain.splitlines()

    assert lines[0].endswith("failed")
    assert [line.strip() for line in lines[1:]] == ["Traceback:", "boom"]


@pytest.mark.parametrize("line", ["hello", "{broken", "[1]", '{"no": "event"}', "{}"])
def test_leaves_other_lines_as_they_are(line: str) -> None:
    assert render("api", line).plain.endswith(line)


def test_lets_no_log_line_steer_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J\u202e\r\x00"

    for line in (hostile, json.dumps({"event": hostile, hostile: hostile})):
        shown = render("api", line).plain
        assert shown.isprintable()
        assert "\\x1b" in shown


def test_keeps_letters_of_every_script() -> None:
    assert printable("Grüße 日本 ✓") == "Grüße 日本 ✓"


def test_does_not_read_markup() -> None:
    assert render("api", "[bold red]hi[/]").plain.endswith("[bold red]hi[/]")
