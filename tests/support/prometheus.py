"""A real Prometheus for a test, on a free port of the loopback."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.deploy_tool import program
from tests.support.wait import wait_for
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class QueryError(Exception):
    """Prometheus's own words about a query."""


class Prometheus:
    """Asks a running server."""

    def __init__(self, url: str) -> None:
        """Ask at `url`."""
        self.url = url

    def query(self, expr: str, **more: Any) -> list[dict[str, Any]]:
        """Return the series of an instant query."""
        return list(self._ask("query", query=expr, **more)["result"])

    def query_range(
        self, expr: str, *, start: float, end: float, step: float
    ) -> list[dict[str, Any]]:
        """Return the series of a range query; times are epoch seconds."""
        answer = self._ask("query_range", query=expr, start=start, end=end, step=step)
        return list(answer["result"])

    def metrics(self) -> set[str]:
        """Return the names of all metrics that it has samples of."""
        return set(self._ask("label/__name__/values"))

    def labels(self, metric: str) -> set[str]:
        """Return the labels of a metric's series."""
        found = self._ask("series", **{"match[]": metric})
        return {label for labels in found for label in labels}

    def firing(self) -> dict[str, str]:
        """Return the state of every alert that is pending or firing.

        An alert with several rules goes by its name and the window that it looks back
        over, such as `JobsErrorBudgetBurn 1h`; a series that fires outweighs others.
        """
        found: dict[str, str] = {}
        for alert in self._ask("alerts")["alerts"]:
            labels = alert["labels"]
            name = " ".join(filter(None, (labels["alertname"], labels.get("long"))))
            if found.get(name) != "firing":
                found[name] = alert["state"]
        return found

    def _ask(self, path: str, **fields: Any) -> Any:
        url = f"{self.url}/api/v1/{path}"
        if path.startswith("label/") or path == "alerts":
            request = urllib.request.Request(url)  # noqa: S310 - loopback
        else:
            body = urllib.parse.urlencode(fields).encode()
            request = urllib.request.Request(url, body)  # noqa: S310 - loopback
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            with error:
                raise QueryError(json.load(error)["error"]) from None


@contextmanager
def running_prometheus(
    folder: Path, *, configuration: str = "{}", data: Path | None = None
) -> Iterator[Prometheus]:
    """Run a server on `configuration`, JSON or YAML, until the block ends."""
    file = folder / "prometheus.yml"
    file.write_text(configuration)
    port = free_port()
    log_file = folder / "prometheus.log"
    command = [
        program("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={data or folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=20d",
        "--log.level=warn",
    ]
    with (
        log_file.open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(
                lambda: _is_ready(url, process), within_s=60, what="a ready Prometheus"
            )
            yield Prometheus(url)
        finally:
            process.terminate()
            process.wait(30)


def _is_ready(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "Prometheus ended at once."
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
