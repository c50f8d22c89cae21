"""The reference pages list what the code defines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from services.api.settings import ApiSettings
from services.scheduler.settings import SchedulerSettings
from services.worker.settings import WorkerSettings
from shared import metrics
from shared.broker import keys, purposes

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_metric_is_documented_and_no_other() -> None:
    page = (REFERENCE / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(nightshift_\w+)`", page, re.MULTILINE))
    defined = {
        metric._name + ("_total" if metric._type == "counter" else "")
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
    }

    assert documented == defined


@pytest.mark.parametrize("settings", [ApiSettings, WorkerSettings, SchedulerSettings])
def test_every_setting_is_documented(settings: type) -> None:
    page = (REFERENCE / "settings.md").read_text()

    for name, field in settings.model_fields.items():
        assert f"| `{name.upper()}` |" in page, name
        assert field.description in page, name


def test_every_kind_of_key_is_documented() -> None:
    page = (REFERENCE / "redis-keys.md").read_text()

    for name in keys.QUEUE_KEYS:
        assert re.search(rf"[:`]{name}`", page), name
    for name in keys.MEMBER_KEYS:
        assert f":{name}:<" in page, name


def test_every_field_that_inspect_explains_is_documented() -> None:
    page = (REFERENCE / "redis-keys.md").read_text()

    for name in (*purposes.RUN, *purposes.HEADER):
        assert re.search(rf"[`;]{name}[`=]", page), name


@pytest.mark.parametrize(
    "page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
