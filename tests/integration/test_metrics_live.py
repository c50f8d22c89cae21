"""Real services, a real Prometheus: sicknesses are seen, and so is recovery."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from shared.jobs.states import JobState
from tests.support.prometheus import Prometheus, running_prometheus
from tests.support.wait import wait_for
from tests.support.worker_process import WorkerProcess, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.jobs import Jobs

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@contextmanager
def _service(
    name: str, port: int, redis_url: str, namespace: str, folder: Path
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        **os.environ,
        "REDIS_URL": redis_url,
        "NIGHTSHIFT_NAMESPACE": namespace,
        "NIGHTSHIFT_STORAGE_DIR": str(folder / "files"),
        "NIGHTSHIFT_API_TOKEN": "0123456789abcdef",
        "NIGHTSHIFT_API_PORT": str(port),
        "NIGHTSHIFT_HEALTH_PORT": str(port),
        "NIGHTSHIFT_DEMO_SCHEDULE": "true",
        "NIGHTSHIFT_DEMO_EVERY_MS": "1000",
    }
    with (
        (folder / f"{name}.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=ROOT,
        ) as process,
    ):
        try:
            wait_for(lambda: _answers(port), within_s=30, what=f"{name} is ready")
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


def _answers(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/readyz"
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _quick_rules(folder: Path) -> None:
    """Copy our rules with short waits: the expressions are what is tried."""
    (folder / "rules").mkdir()
    for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\n    keep_firing_for: \w+", "", text)
        text = re.sub(r"\n    for: \w+", "\n    for: 2s", text)
        text = re.sub(r"\[15m\]", "[15s]", text)
        (folder / "rules" / path.name).write_text(text)


def _configuration(folder: Path, targets: dict[str, list[int]]) -> str:
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules" / "*.yml")],
            "scrape_configs": [
                {
                    "job_name": job,
                    "scrape_timeout": "1s",
                    "static_configs": [
                        {"targets": [f"127.0.0.1:{port}" for port in ports]}
                    ],
                }
                for job, ports in targets.items()
            ],
        }
    )


def _fires(prometheus: Prometheus, alert: str) -> None:
    def is_firing() -> bool:
        return prometheus.firing().get(alert) == "firing"

    wait_for(is_firing, within_s=90, what=f"{alert} fires")


def _ends(prometheus: Prometheus, alert: str) -> None:
    def is_gone() -> bool:
        return alert not in prometheus.firing()

    wait_for(is_gone, within_s=90, what=f"{alert} ends")


def _sum(prometheus: Prometheus, expr: str) -> float:
    answer = prometheus.query(f"sum({expr})")
    return float(answer[0]["value"][1]) if answer else 0.0


_FINISHED = "last_over_time(nightshift_jobs_finished_total[10m])"


def test_sicknesses_are_seen_and_so_is_recovery(
    redis_url: str, namespace: str, jobs: Jobs, tmp_path: Path
) -> None:
    api_port, scheduler_port = free_port(), free_port()
    _quick_rules(tmp_path)
    workers = [WorkerProcess(redis_url, namespace, tmp_path) for _ in range(2)]
    targets = {
        "nightshift-api": [api_port],
        "nightshift-scheduler": [scheduler_port],
        "nightshift-worker": [worker._port for worker in workers],
    }
    common = (redis_url, namespace, tmp_path)
    with ExitStack() as stack:
        stack.enter_context(_service("api", api_port, *common))
        for worker in workers:
            stack.enter_context(worker)
        configuration = _configuration(tmp_path, targets)
        prometheus = stack.enter_context(
            running_prometheus(tmp_path, configuration=configuration)
        )
        with _service("scheduler", scheduler_port, *common):
            wait_for(
                lambda: _sum(prometheus, "nightshift_jobs_finished_total") >= 3,
                within_s=60,
                what="the schedule's jobs are counted",
            )
            assert prometheus.query('nightshift_queue_depth{queue="demo"}')
            assert "JobsSchedulerDown" not in prometheus.firing()
        # The scheduler has stopped.
        _fires(prometheus, "JobsSchedulerDown")
        _counts_each_job_once(prometheus, jobs, workers)
        with _service("scheduler", scheduler_port, *common):
            _ends(prometheus, "JobsSchedulerDown")
        _poison_is_seen(prometheus, jobs, workers)


def _counts_each_job_once(
    prometheus: Prometheus, jobs: Jobs, workers: list[WorkerProcess]
) -> None:
    """Two processes count 40 jobs, and the death of one changes nothing."""
    done = jobs.inspector.counts("demo")[JobState.COMPLETED]
    for number in range(40):
        jobs.add("echo", {"msg": str(number), "steps": 1, "stepMs": 20})
    wait_for(
        lambda: _sum(prometheus, _FINISHED) == done + 40,
        within_s=30,
        what=f"{done + 40} jobs are counted",
    )
    per_worker = prometheus.query(f"sum by (instance) ({_FINISHED})")
    assert all(float(series["value"][1]) > 0 for series in per_worker)

    workers[0].kill()
    _fires(prometheus, "JobsWorkerDown")

    assert _sum(prometheus, _FINISHED) == done + 40


def _poison_is_seen(
    prometheus: Prometheus, jobs: Jobs, workers: list[WorkerProcess]
) -> None:
    """A job whose worker is killed each time is recovered, and poison in the end."""
    workers[1].kill()
    job = jobs.add("echo", {"msg": "x", "steps": 100, "stepMs": 600})
    for lost in range(3):
        with workers[1]:
            jobs.wait_until(
                job,
                lambda found, lost=lost: found.attempts_started > lost,
                within_s=40,
            )
            workers[1].kill()
        if lost == 0:
            _fires(prometheus, "JobsNoWorkers")
    with workers[1]:
        _ends(prometheus, "JobsNoWorkers")
        _fires(prometheus, "JobsPoison")
        assert jobs.wait_for_end(job).failed_reason
        _ends(prometheus, "JobsPoison")
