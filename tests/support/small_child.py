"""Small programs that behave as services do, for tests of the runner."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

from cli.child import ChildSpec
from cli.ports import Ports

_PROGRAM = textwrap.dedent(
    """
    import http.server, os, pathlib, signal, subprocess, sys, threading

    name, port, journal, *words = sys.argv[1:]
    journal = pathlib.Path(journal)

    def note(what):
        with journal.open("a") as file:
            file.write(f"{what} {name} {os.getpid()}\\n")

    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(503 if "unready" in words else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    if "refuse" in words:
        sys.exit(print("Setting COLOUR is not usable.") or 2)
    if "crash" in words:
        sys.exit(print("It went wrong.") or 3)

    def stop(*_):
        note("stop")
        if "stubborn" not in words:
            os._exit(0)

    if "orphan" in words:
        sleep = "import time; time.sleep(99)"
        sleeper = subprocess.Popen([sys.executable, "-c", sleep])
        note(f"orphan={sleeper.pid}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Ready)
    signal.signal(signal.SIGTERM, stop)
    note("start")
    print("says hello", flush=True)
    server.serve_forever()
    """
)


class Journal:
    """What the small children wrote down, in order."""

    def __init__(self, path: Path) -> None:
        """Take the file, which may not exist yet."""
        self.path = path

    def entries(self) -> list[tuple[str, str, int]]:
        """Return what happened, to whom, in which process."""
        if not self.path.exists():
            return []
        lines = [line.split() for line in self.path.read_text().splitlines()]
        return [(what, name, int(pid)) for what, name, pid in lines]

    def names(self, what: str) -> list[str]:
        """Return to whom `what` happened, in order."""
        return [name for event, name, _ in self.entries() if event == what]

    def pids(self, name: str) -> list[int]:
        """Return the processes that started under `name`, in order."""
        return [pid for what, n, pid in self.entries() if (what, n) == ("start", name)]

    def orphan(self) -> int:
        """Return the process that a child with the word `orphan` started."""
        what = next(what for what, _, _ in self.entries() if what.startswith("orphan"))
        return int(what.partition("=")[2])


def spec(
    name: str,
    journal: Journal,
    *words: str,
    grace_s: float = 5,
    folders: tuple[str, ...] = (),
) -> ChildSpec:
    """Return a small child.

    Args:
        name: Its name.
        journal: Where it writes what happens to it.
        words: What is special about it: `crash`, `refuse`, `unready`, `stubborn`
            (ignores SIGTERM) or `orphan` (starts a process and forgets it).
        grace_s: Seconds to end by itself.
        folders: Code folders whose change restarts it.
    """
    port = Ports().take()
    arguments = (name, str(port), str(journal.path), *words)
    return ChildSpec(
        name=name,
        arguments=(sys.executable, "-c", _PROGRAM, *arguments),
        environment=dict(os.environ),
        probe_url=f"http://127.0.0.1:{port}/readyz",
        grace_s=grace_s,
        folders=folders,
    )


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
