"""The containers of docker-compose.yml, under a name and a port of their own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[2]


def docker_runs() -> bool:
    """Tell whether a Docker engine answers."""
    try:
        docker("info")
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


def docker(*arguments: str) -> str:
    """Run `docker` and return what it printed.

    Raises:
        FileNotFoundError: There is no such program.
        CalledProcessError: It failed.
    """
    command = ["docker", *arguments]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


@dataclass(frozen=True)
class Stack:
    """A compose project.

    Attributes:
        project: Its name, which no other has.
        files: The compose files, in their order.
        environment: Values of variables; without them Docker takes free ports.
    """

    project: str = field(default_factory=lambda: f"check-{uuid.uuid4().hex[:8]}")
    files: tuple[str, ...] = ("docker-compose.yml",)
    environment: Mapping[str, str] = field(default_factory=dict)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run `docker compose` and return what it printed.

        Raises:
            AssertionError: It failed, with what it said.
        """
        command = ["docker", "compose", "-p", self.project]
        for file in self.files:
            command += ["-f", file]
        answer = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and answer.returncode != 0:
            message = f"{' '.join(arguments)}:\n{answer.stdout}\n{answer.stderr}"
            raise AssertionError(message)
        return answer.stdout

    def variables(self) -> dict[str, str]:
        """Return the environment of `docker compose`."""
        # Port 0: Docker takes a free one.
        return {**os.environ, "API_PORT": "0", "MAIL_PORT": "0", **self.environment}

    def up(self, *options: str) -> None:
        """Start what is missing, and wait until all is healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", "120", *options)
        except AssertionError as error:
            logs = self.compose("logs", "--no-color", "--tail", "40", check=False)
            message = f"{error}\n{logs}"
            raise AssertionError(message) from None

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what `docker inspect` says of each service's container."""
        ids = self.compose("ps", "--all", "--quiet").split()
        return {
            container["Config"]["Labels"]["com.docker.compose.service"]: container
            for container in json.loads(docker("inspect", *ids))
        }

    def inside(self, service: str, *command: str, check: bool = True) -> str:
        """Run a command in a service's container and return what it printed."""
        return self.compose("exec", "--no-TTY", service, *command, check=check)

    def secret(self, name: str) -> str:
        """Return a secret, the way an operator reads it."""
        return self.compose("run", "--rm", "--no-TTY", "secrets", "show", name).strip()

    def call(
        self, path: str, body: bytes | None = None, *, content_type: str = ""
    ) -> Any:
        """Call the api from the host; POST when there is a body.

        Returns:
            The JSON document, or the bytes of a file.
        """
        place = self.compose("port", "api", "8000").strip()
        token = self.inside("api", "cat", "/run/nightshift/api/token")
        request = urllib.request.Request(
            f"http://{place}{path}",
            data=body,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": content_type or "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310
            content = answer.read()
            is_json = "json" in answer.headers["Content-Type"]
        return json.loads(content) if is_json else content

    def finished_job(self, queue: str, name: str, data: dict[str, Any]) -> Any:
        """Post a job from the host and return it when it has ended."""
        job = self.post(queue, {"name": name, "data": data})
        return self.end_of(queue, job["id"])

    def post(self, queue: str, order: dict[str, Any]) -> Any:
        """Post a job from the host."""
        return self.call(f"/api/v1/jobs/{queue}", json.dumps(order).encode())

    def end_of(self, queue: str, job_id: str) -> Any:
        """Return a job when it has ended, or after 25 s as it is then."""
        return self.call(f"/api/v1/jobs/{queue}/{job_id}?wait=25")


@contextmanager
def running_stack(stack: Stack, *options: str) -> Iterator[Stack]:
    """Build and start the stack; remove its containers and volumes at the end."""
    try:
        stack.compose("build", "--quiet")
        stack.up(*options)
        yield stack
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
