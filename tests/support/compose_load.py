"""Callers that keep posting jobs to a compose stack, whatever happens to it."""

from __future__ import annotations

import http.client
import itertools
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any, Protocol, Self

#: Seconds between two jobs, and before a refused one is posted again.
PACE_S = 0.05
AGAIN_S = 0.2
_PATH = "/api/v1/jobs/demo"


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Installation(Protocol):
    """Where the api runs."""

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container and return what it printed."""


class Load:
    """Posts jobs under ids of its own, each until it is accepted.

    Attributes:
        accepted: Ids of jobs that were answered with 200 or 202, in that order.
        refusals: How often which other answer came.
    """

    def __init__(self, stack: Installation, *, port: int, name: str = "load") -> None:
        """Take the installation and the port of its api."""
        self.accepted: list[str] = []
        self.refusals: Counter[str] = Counter()
        self._name = name
        self._place = f"http://127.0.0.1:{port}{_PATH}"
        self._token = stack.inside("api", "cat", "/run/nightshift/api/token")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._post_all)

    def __enter__(self) -> Self:
        """Start posting."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop posting."""
        self._stop.set()
        self._thread.join()

    def wait_for(self, count: int, *, deadline_s: float = 60) -> None:
        """Return when `count` more jobs are accepted."""
        wanted = len(self.accepted) + count
        end = time.monotonic() + deadline_s
        while len(self.accepted) < wanted:
            assert time.monotonic() < end, dict(self.refusals)
            self._stop.wait(PACE_S)

    def states(self, *, deadline_s: float = 120) -> Counter[str]:
        """Return how the accepted jobs ended; wait for those that have not."""
        end = time.monotonic() + deadline_s
        ended: Counter[str] = Counter()
        for job_id in self.accepted:
            ended[self._end_of(job_id, end)] += 1
        return ended

    def job(self, job_id: str) -> Any:
        """Return one job as the api shows it; None when it knows no such job."""
        try:
            return self._call(f"/{job_id}")
        except urllib.error.HTTPError as error:
            if error.code == http.client.NOT_FOUND:
                return None
            raise

    def _end_of(self, job_id: str, end: float) -> str:
        while True:
            job = self.job(job_id)
            if job is None:
                return "unknown"
            if job["state"] in {"completed", "failed"} or time.monotonic() > end:
                return str(job["state"])
            self._stop.wait(0)
            time.sleep(PACE_S)

    def _post_all(self) -> None:
        for number in itertools.count():
            job_id = f"{self._name}-{number}"
            while not self._stop.is_set() and not self._is_accepted(job_id):
                self._stop.wait(AGAIN_S)
            if self._stop.wait(PACE_S):
                return
            self.accepted.append(job_id)

    def _is_accepted(self, job_id: str) -> bool:
        order = {
            "name": "echo",
            "data": {"msg": job_id, "steps": 4, "stepMs": 50},
            "opts": {"jobId": job_id},
        }
        try:
            self._call("", json.dumps(order).encode())
        except urllib.error.HTTPError as error:
            self.refusals[str(error.code)] += 1
        except (OSError, http.client.HTTPException) as error:
            self.refusals[type(error).__name__] += 1
        else:
            return True
        return False

    def _call(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310
            self._place + path,
            data=body,
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return json.load(answer)
