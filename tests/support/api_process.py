"""The api as it is started: `python -m services.api`, over real sockets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from tests.support.api import BEARER, TOKEN
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Service:
    """A running api.

    Attributes:
        process: Granian's main process, the parent of the one that answers.
        port: Where it listens.
    """

    process: subprocess.Popen[bytes]
    port: int

    def connect(self) -> HTTPConnection:
        """Open a connection."""
        return HTTPConnection("127.0.0.1", self.port, timeout=40)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] = BEARER,
    ) -> tuple[HTTPResponse, Any]:
        """Call once; return the response and its JSON."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return response, json.loads(response.read())
        finally:
            connection.close()

    def is_listening(self) -> bool:
        """Whether a connection can be opened."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def terminate(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.terminate()
        return self.process.wait(30)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of an api with these settings."""
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "TMPDIR"}}
    return kept | {"NIGHTSHIFT_API_TOKEN": TOKEN} | settings


def start(
    settings: Mapping[str, str], *, log: BinaryIO | None = None
) -> subprocess.Popen[bytes]:
    """Start an api; without a log its output is for `communicate`."""
    return subprocess.Popen(
        [sys.executable, "-m", "services.api"],
        env=environment(**settings),
        cwd=Path(__file__).parents[2],
        stdout=log or subprocess.PIPE,
        stderr=log or subprocess.PIPE,
    )


@contextmanager
def running_service(
    redis_url: str, namespace: str, folder: Path, **changes: str
) -> Iterator[Service]:
    """Run the api; `changes` are settings."""
    port = free_port()
    settings = {
        "REDIS_URL": redis_url,
        "NIGHTSHIFT_NAMESPACE": namespace,
        "NIGHTSHIFT_STORAGE_DIR": str(folder),
        "NIGHTSHIFT_API_PORT": str(port),
        "NIGHTSHIFT_MAX_FILE_MB": "1",
    } | changes
    # A pipe that nobody reads is full after 64 KB; then the api stands still.
    with (folder / "api.log").open("ab") as log, start(settings, log=log) as process:
        service = Service(process, port)
        try:
            wait_for(service.is_listening, within_s=40, what="the api listens")
            yield service
        finally:
            process.kill()
            # Killed like this, Granian leaves its child to notice by itself.
            wait_for(lambda: not service.is_listening(), within_s=20)
