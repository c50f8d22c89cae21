from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from cli.child import Child, RedisPart
from cli.errors import ChildError, StoppedError
from cli.log_output import LogOutput
from cli.redis_server import RedisServer
from cli.runner import FilesChanged, Runner
from cli.watched import Watched
from tests.support.small_child import Journal, is_alive, spec
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.child import ChildSpec, Part

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


@pytest.fixture
def output(tmp_path: Path) -> LogOutput:
    return LogOutput(Console(file=io.StringIO(), width=80), tmp_path)


@pytest.fixture
def quiet(output: LogOutput) -> LogOutput:
    output.shown = False
    return output


@pytest.fixture
def runner_of(output: LogOutput) -> Callable[..., Runner]:
    def make(*specs: ChildSpec, stop_order: tuple[str, ...] = ()) -> Runner:
        parts = [Child(s, on_line=output.line) for s in specs]
        return Runner(parts, stop_order=stop_order, output=output)

    return make


def said(output: LogOutput) -> str:
    file = output._console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_stops_in_the_wished_order_and_leaves_nothing(
    journal: Journal, runner_of: Callable[..., Runner], output: LogOutput
) -> None:
    specs = [spec(name, journal) for name in ("worker", "api", "scheduler")]
    with runner_of(*specs, stop_order=("api", "scheduler", "worker")) as runner:
        runner.start()

    assert sorted(journal.names("start")) == ["api", "scheduler", "worker"]
    assert journal.names("stop") == ["api", "scheduler", "worker"]
    assert not [e for e in journal.entries() if is_alive(e[2])]
    assert "api        says hello" in said(output)


def test_starts_a_killed_child_again(
    journal: Journal, runner_of: Callable[..., Runner], output: LogOutput
) -> None:
    def kill_and_wait() -> None:
        os.kill(journal.pids("api")[0], signal.SIGKILL)
        wait_for(lambda: len(journal.pids("api")) == 2)
        wait_for(lambda: "api is back" in said(output))

    with runner_of(spec("api", journal), spec("worker", journal)) as runner:
        runner.start()
        runner.serve(kill_and_wait)

    assert "api was killed by SIGKILL and starts again in 0.5 s" in said(output)
    assert len(journal.pids("worker")) == 1


def test_waits_longer_after_each_death(
    monkeypatch: pytest.MonkeyPatch, output: LogOutput
) -> None:
    watched = Watched(Child(spec("a", Journal(Path())), on_line=output.line), output)
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    watched.started = now
    waits = [watched.count_death() for _ in range(8)]
    now = 1000.0

    assert waits == [0.5, 1, 2, 4, 8, 15, 15, 15]
    assert watched.count_death() == 0.5


def test_clears_away_what_a_dead_child_left_behind(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    def kill_and_wait() -> None:
        orphan = journal.orphan()
        assert is_alive(orphan)
        os.kill(journal.pids("api")[0], signal.SIGKILL)
        wait_for(lambda: not is_alive(orphan))

    with runner_of(spec("api", journal, "orphan")) as runner:
        runner.start()
        runner.serve(kill_and_wait)


def test_kills_a_child_that_ignores_its_grace(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    with runner_of(spec("api", journal, "stubborn", grace_s=0.3)) as runner:
        runner.start()

    assert journal.names("stop") == ["api"]
    assert not is_alive(journal.pids("api")[0])


def test_gives_no_grace_to_a_child_that_was_never_ready(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    began = time.monotonic()
    child = spec("api", journal, "unready", "stubborn", grace_s=60)
    with runner_of(child) as runner, pytest.raises(ChildError):
        runner.start(timeout_s=1)

    assert time.monotonic() - began < 30
    assert not any(is_alive(pid) for pid in journal.pids("api"))


def test_a_second_stop_request_kills_at_once(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    def ask_twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        wait_for(runner.stopping.is_set)
        wait_for(lambda: journal.names("stop"))
        os.kill(os.getpid(), signal.SIGINT)

    began = time.monotonic()
    with runner_of(spec("api", journal, "stubborn", grace_s=60)) as runner:
        runner.start()
        runner.serve(ask_twice)

    assert runner.was_killed
    assert time.monotonic() - began < 30
    assert not is_alive(journal.pids("api")[0])


def test_a_stop_request_while_starting_stops_the_start(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    with runner_of(spec("api", journal, "unready")) as runner:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StoppedError):
            runner.start()


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("refuse", r"api refused to start(?s:.*)Setting COLOUR is not usable\."),
        ("crash", r"api does not stay alive: it ended with status 3 3 times"),
    ],
)
def test_says_why_a_child_can_not_be_started(
    journal: Journal,
    runner_of: Callable[..., Runner],
    quiet: LogOutput,
    word: str,
    sentence: str,
) -> None:
    assert not quiet.shown
    with (
        runner_of(spec("api", journal, word)) as runner,
        pytest.raises(ChildError, match=sentence),
    ):
        runner.start()


def test_says_what_is_not_ready_in_time(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    with (
        runner_of(spec("api", journal, "unready")) as runner,
        pytest.raises(ChildError, match=r"within 1 s\. api: it answers 503"),
    ):
        runner.start(timeout_s=1)


def test_restarts_only_what_changed(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    def change() -> None:
        runner.put(FilesChanged(frozenset({"services/api"})))
        wait_for(lambda: len(journal.pids("api")) == 2)

    api = spec("api", journal, folders=("services/api", "shared"))
    worker = spec("worker", journal, folders=("services/worker", "shared"))
    with runner_of(api, worker) as runner:
        runner.start()
        runner.serve(change)

    assert len(journal.pids("worker")) == 1
    assert journal.names("stop")[0] == "api"


def test_passes_on_what_the_work_beside_raised(
    journal: Journal, runner_of: Callable[..., Runner]
) -> None:
    def fail() -> None:
        raise ChildError("The work failed.")

    with runner_of(spec("api", journal)) as runner:
        runner.start()
        with pytest.raises(ChildError, match="The work failed"):
            runner.serve(fail)


def test_starts_a_killed_redis_again(tmp_path: Path, output: LogOutput) -> None:
    server = RedisServer(tmp_path / "redis")
    parts: list[Part] = [RedisPart(server)]

    def kill_and_wait() -> None:
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: server.pid not in (first, None))
        wait_for(lambda: "redis is back" in said(output))

    with Runner(parts, stop_order=("redis",), output=output) as runner:
        runner.start()
        runner.serve(kill_and_wait)

    assert not server.is_running


def test_children_end_when_the_runner_is_killed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    program = f"""
import io, pathlib
from rich.console import Console
from cli.child import Child
from cli.log_output import LogOutput
from cli.runner import Runner
from tests.support.small_child import Journal, spec

folder = pathlib.Path({str(tmp_path)!r})
output = LogOutput(Console(file=io.StringIO()), folder)
children = [spec(name, Journal(folder / "journal")) for name in ("api", "worker")]
with Runner([Child(c, on_line=output.line) for c in children], stop_order=(),
            output=output) as runner:
    runner.start()
    print("ready", flush=True)
    runner.serve()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"ready\n"
        runner.kill()
    pids = journal.pids("api") + journal.pids("worker")

    assert len(pids) == 2
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
