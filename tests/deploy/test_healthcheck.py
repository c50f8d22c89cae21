"""The script that Docker runs to ask a process how it is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "deploy/images/healthcheck.py"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        well = self.path == "/livez"
        body = b"well" if well else b"Redis can't be reached."
        self.send_response(200 if well else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing into the test's output."""


@contextmanager
def process() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask(port: int, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "SOME_PORT", path],
        env={**os.environ, "SOME_PORT": str(port)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_process_that_is_well_passes() -> None:
    with process() as port:
        answer = ask(port, "/livez")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_process_that_is_not_ready_fails_with_its_reason() -> None:
    with process() as port:
        answer = ask(port, "/readyz")
    assert answer.returncode == 1
    assert "answers 503: Redis can't be reached." in answer.stderr


def test_a_process_that_does_not_listen_fails() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        answer = ask(closed.getsockname()[1], "/livez")
    assert answer.returncode == 1
    assert "does not answer" in answer.stderr
