"""The dashboards are sound, and every query draws something from eventful data."""

from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.metrics import MetricWrapperBase

from deploy.grafana.sources.__main__ import files
from shared import metrics
from tests.support.dashboard_rules import Check
from tests.support.deploy_tool import run
from tests.support.metric_scenario import STEP_S, lines
from tests.support.prometheus import running_prometheus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
NAMES = {"overview", "queues", "tasks", "workers", "scheduler", "api", "redis"}

pytestmark = pytest.mark.xdist_group("dashboards")


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    folder = tmp_path_factory.mktemp("scenario")
    end = time.time() // STEP_S * STEP_S
    text = folder / "scenario.txt"
    with text.open("w") as file:
        file.writelines(lines(end))
    data = folder / "data"
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data))
    with running_prometheus(folder, data=data) as prometheus:
        yield Check(prometheus, end)


def _board(name: str) -> dict[str, Any]:
    path = ROOT / "deploy" / "grafana" / "dashboards" / f"nightshift-{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_the_files_are_what_their_source_makes() -> None:
    for path, content in files().items():
        assert path.read_text(encoding="utf-8") == content, (
            f"{path.name} is not what its source makes: run `make dashboards`."
        )


def test_there_are_seven_with_a_uid_each() -> None:
    assert {path.stem for path in DASHBOARDS} == {f"nightshift-{n}" for n in NAMES}


def test_every_metric_of_ours_is_drawn() -> None:
    drawn = "".join(path.read_text(encoding="utf-8") for path in DASHBOARDS)
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            assert metric._name in drawn, f"No panel draws {metric._name}: add one."


def test_every_dashboard_is_sound_and_draws_data(check: Check) -> None:
    found = [
        f"{path.stem}: {problem}"
        for path in DASHBOARDS
        for problem in check.problems(
            json.loads(path.read_text(encoding="utf-8")), file_name=path.name
        )
    ]

    assert not found, "\n".join(found)


def _expr(text: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def plant(_: dict[str, Any], panel: dict[str, Any]) -> None:
        panel["targets"][0]["expr"] = text

    return plant


def _swap(old: str, new: str) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    def plant(_: dict[str, Any], panel: dict[str, Any]) -> None:
        expr = panel["targets"][0]["expr"]
        assert old in expr
        panel["targets"][0]["expr"] = expr.replace(old, new)

    return plant


_MISTAKES: dict[str, tuple[Any, str]] = {
    "a metric's name": (
        _swap("queue_depth", "queue_dept"),
        "no metric is called",
    ),
    "a label's name": (_swap("queue=~", "que=~"), "no label que to match"),
    "a label to group by": (_swap("by (queue)", "by (que)"), "no label que to group"),
    "syntax": (_swap("max by", "max bu"), "Prometheus refuses it"),
    "a counter without rate": (
        _expr("sum(nightshift_jobs_started_total)"),
        "under rate",
    ),
    "a fixed range": (
        _expr("sum(rate(nightshift_jobs_started_total[5m]))"),
        "$__rate_interval",
    ),
    "panels on top of each other": (
        lambda board, panel: panel["gridPos"].update(board["panels"][1]["gridPos"]),
        "overlaps",
    ),
    "an id twice": (
        lambda board, panel: panel.update(id=board["panels"][1]["id"]),
        "used twice",
    ),
    "a unit": (
        lambda _, panel: panel["fieldConfig"]["defaults"].update(unit="secs"),
        "no unit",
    ),
    "an unknown variable": (_swap("$queue", "$quee"), "$quee is no variable"),
    "a fixed data source": (
        lambda _, panel: panel.update(datasource={"uid": "prometheus"}),
        "datasource variable",
    ),
    "a value that selects nothing": (_swap("waiting", "wating"), "returns nothing"),
    "le dropped before the quantile": (
        _expr(
            "histogram_quantile(0.9, sum by (queue)"
            " (rate(nightshift_queue_wait_seconds_bucket[$__rate_interval])))"
        ),
        "returns nothing",
    ),
    "many to many": (
        _expr("nightshift_queue_depth / on (queue) nightshift_queue_paused"),
        "Prometheus refuses it",
    ),
    "no legend": (
        lambda _, panel: panel["targets"][0].update(legendFormat=""),
        "need a legend",
    ),
    "no description": (
        lambda _, panel: panel.update(description=""),
        "no description",
    ),
    "editable": (lambda board, _: board.update(editable=True), "editable"),
    "an export": (lambda board, _: board.update(__inputs=[]), "export"),
    "an unused variable": (
        lambda board, _: board["templating"]["list"].append(
            {"name": "extra", "type": "custom"}
        ),
        "unused",
    ),
    "a draw style": (
        lambda _, panel: panel["fieldConfig"]["defaults"]["custom"].update(
            drawStyle="lines"
        ),
        "no draw style",
    ),
    "a uid unlike the file": (lambda board, _: board.update(uid="x"), "file's name"),
    "too many series": (
        _expr("rate(nightshift_job_run_duration_seconds_bucket[$__rate_interval])"),
        "are too many",
    ),
}


@pytest.mark.parametrize("mistake", sorted(_MISTAKES))
def test_a_planted_mistake_is_found(check: Check, mistake: str) -> None:
    plant, message = _MISTAKES[mistake]
    board = copy.deepcopy(_board("queues"))
    panel = next(p for p in board["panels"] if p["title"] == "Waiting")
    plant(board, panel)

    found = check.problems(board, file_name="nightshift-queues.json")

    assert found, "Nothing was found."
    assert any(message in problem for problem in found), found


def test_dashboards_link_to_each_other_by_tag() -> None:
    for path in DASHBOARDS:
        board = json.loads(path.read_text(encoding="utf-8"))
        assert board["tags"] == ["nightshift"]
        assert board["links"][0]["tags"] == ["nightshift"]


def test_every_recording_rule_that_a_dashboard_names_exists() -> None:
    rules = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
    )
    for path in DASHBOARDS:
        for name in re.findall(r"nightshift:[\w:]+", path.read_text(encoding="utf-8")):
            assert f"record: {name}" in rules, f"{path.stem} names {name}."
