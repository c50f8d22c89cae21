from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from services.worker.tasks import echo, maybe_fail
from shared.contracts.tasks.echo import Echo, Echoed
from shared.contracts.tasks.maybe_fail import MaybeFail, Succeeded
from shared.errors import TaskError
from tests.support.contexts import Notebook, make_context

if TYPE_CHECKING:
    from pathlib import Path


def test_echo_says_it_back_and_reports_every_step(tmp_path: Path) -> None:
    notebook = Notebook()

    said = echo.run(Echo(msg="hi"), make_context(tmp_path, notebook=notebook))

    assert said == Echoed(msg="hi", steps=4)
    assert notebook.reports == [25, 50, 75, 100]
    assert notebook.lines == ["Said it after 4 steps."]


def test_echo_may_have_no_steps(tmp_path: Path) -> None:
    notebook = Notebook()

    said = echo.run(Echo(msg="", steps=0), make_context(tmp_path, notebook=notebook))

    assert said == Echoed(msg="", steps=0)
    assert notebook.reports == []


def test_echo_takes_as_long_as_its_steps(tmp_path: Path) -> None:
    started = time.monotonic()
    echo.run(Echo(msg="hi", steps=3, step_ms=70), make_context(tmp_path))

    assert time.monotonic() - started >= 0.21


def test_echo_stops_soon_when_it_is_told_to(tmp_path: Path) -> None:
    notebook = Notebook(cancel_after=1)
    started = time.monotonic()

    with pytest.raises(TaskError, match="told to stop"):
        echo.run(
            Echo(msg="hi", steps=2, step_ms=300),
            make_context(tmp_path, notebook=notebook),
        )

    assert notebook.reports == [50]
    assert time.monotonic() - started < 0.55


def test_maybe_fail_fails_as_often_as_told_then_succeeds(tmp_path: Path) -> None:
    data = MaybeFail(msg="hi", fail=2)

    for attempt in (1, 2):
        with pytest.raises(TaskError, match=f"Attempt {attempt} failed"):
            maybe_fail.run(data, make_context(tmp_path, attempt=attempt))

    done = maybe_fail.run(data, make_context(tmp_path, attempt=3))
    assert done == Succeeded(msg="hi", attempt=3)
