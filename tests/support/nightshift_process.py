"""The real `nightshift` command, started as a user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.small_child import is_alive
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_S = 60


class Nightshift:
    """A running command and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Collect the process's output in the background."""
        self.process = process
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        """Return everything that it printed."""
        return "".join(list(self._lines))

    def wait_for(self, words: str, *, within_s: float = START_S) -> None:
        """Wait until it has printed `words`."""
        wait_for(
            lambda: words in self.output or self.process.poll() is not None,
            within_s=within_s,
            what=f"{words!r} in:\n{self.output}",
        )
        assert words in self.output, self.output

    def value(self, label: str) -> str:
        """Return what the panel says beside `label`."""
        lines = (line.strip("│ \n") for line in self.output.splitlines())
        return next(line.split()[1] for line in lines if line.split()[:1] == [label])

    def family(self) -> set[int]:
        """Return the ids of all processes below the command, itself included."""
        return {self.process.pid} | _below(self.process.pid)

    def end(self, number: signal.Signals, *, within_s: float = 60) -> int:
        """Send a signal and wait for the end; return the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(within_s)
        self._reader.join(within_s)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.append(line)


@contextmanager
def nightshift(
    *arguments: str,
    folder: Path,
    redis_url: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Nightshift]:
    """Run the command with its state in `folder`, on ports that are free."""
    environment = {k: v for k, v in os.environ.items() if k != "REDIS_URL"}
    if redis_url:
        environment["REDIS_URL"] = redis_url
    command = [sys.executable, "-m", "cli.main", *arguments]
    with subprocess.Popen(
        [*command, "--api-port=0", f"--state-dir={folder}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env=environment | {"COLUMNS": "80"} | dict(settings or {}),
    ) as process:
        running = Nightshift(process)
        family = {process.pid}
        try:
            yield running
            family |= running.family()
        finally:
            if process.poll() is None:
                running.end(signal.SIGINT)
            wait_for(lambda: not any(map(is_alive, family)), what="everything is gone")
            running._reader.join()


def _below(pid: int) -> set[int]:
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = {int(word) for word in children.read_text().split()}
        except FileNotFoundError:
            continue
        for child in pids:
            found |= {child} | _below(child)
    return found
