"""The alerts are sound, tested, and lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared import metrics
from tests.support.deploy_tool import run, run_any

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning", "none"}
#: Metrics of others that the rules may name.
FOREIGN = re.compile(r"up|ALERTS|redis_\w+|process_\w+|python_\w+")


def _rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in RULES
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


ALERTS = [rule for rule in _rules() if "alert" in rule]
RECORDS = {rule["record"] for rule in _rules() if "record" in rule}
NAMES = sorted({rule["alert"] for rule in ALERTS})


def test_promtool_accepts_the_rules_with_every_lint() -> None:
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))


def test_promtool_accepts_the_configuration() -> None:
    file = str(PROMETHEUS / "prometheus.yml")
    run("promtool", "check", "config", "--syntax-only", file)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_the_alerts_fire_and_stay_silent_as_they_should(path: Path) -> None:
    run("promtool", "test", "rules", str(path))


def test_a_broken_rule_fails_its_test(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        text = text.replace("vector(300)", "vector(30000)")
        (tmp_path / "rules" / path.name).write_text(text)
    test = tmp_path / "tests" / "queues.yml"
    test.write_text((PROMETHEUS / "tests" / "queues.yml").read_text())

    done = run_any("promtool", "test", "rules", str(test))

    assert done.returncode != 0
    assert "JobsQueueOldestTooOld" in done.stdout + done.stderr


def _tested() -> tuple[Counter[str], Counter[str]]:
    firing: Counter[str] = Counter()
    silent: Counter[str] = Counter()
    for path in TESTS:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in group["alert_rule_test"]:
                (firing if case["exp_alerts"] else silent)[case["alertname"]] += 1
    return firing, silent


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tested_firing_and_silent(name: str) -> None:
    firing, silent = _tested()

    assert firing[name], f"No test in deploy/prometheus/tests makes {name} fire."
    if name != "JobsWatchdog":
        assert silent[name], f"No test in deploy/prometheus/tests keeps {name} silent."


def test_every_severity_and_window_of_a_burn_rate_is_tested() -> None:
    expected = {
        (rule["alert"], rule["labels"]["long"])
        for rule in ALERTS
        if "long" in rule["labels"]
    }
    seen = {
        (case["alertname"], alert["exp_labels"]["long"])
        for path in TESTS
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in group["alert_rule_test"]
        for alert in case["exp_alerts"]
        if "long" in alert["exp_labels"]
    }

    assert seen == expected


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_who_and_where(rule: dict[str, Any]) -> None:
    name, labels, notes = rule["alert"], rule["labels"], rule["annotations"]
    assert labels["severity"] in SEVERITIES
    assert labels["service"] == "nightshift"
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")
    assert notes["runbook_url"].endswith(f"/{name}.md")
    board = notes["dashboard_url"].rsplit("/", 1)[-1]
    assert (ROOT / "deploy" / "grafana" / "dashboards" / f"{board}.json").exists()
    for value in re.findall(r"\{\{ \$value([^}]*)\}\}", " ".join(notes.values())):
        assert "humanize" in value or name == "JobsSchedulerDuplicated"


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_has_a_runbook(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")

    assert text.startswith(f"# {name}\n")
    for heading in ("## What it means", "## Look at", "## Do"):
        assert f"\n{heading}\n" in text, f"{name}.md lacks {heading!r}."


def test_no_runbook_is_left_over() -> None:
    left = {p.stem for p in RUNBOOKS.glob("Jobs*.md")} - set(NAMES)

    assert not left


def test_rules_name_only_metrics_that_exist() -> None:
    known = set(RECORDS)
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            name = metric._name
            known |= {name, f"{name}_total"}
            known |= {f"{name}_{part}" for part in ("bucket", "sum", "count")}
    for rule in _rules():
        text = re.sub(r"#.*", "", rule["expr"])
        for name in re.findall(r"nightshift[\w:]+", re.sub(r'"[^"]*"', "", text)):
            assert name in known, f"{rule} names {name}, which nobody measures."


def test_thresholds_stand_in_one_place() -> None:
    declared = {name for name in RECORDS if name.startswith("nightshift:threshold:")}
    text = "".join(path.read_text(encoding="utf-8") for path in RULES)
    used = set(re.findall(r"scalar\((nightshift:threshold:\w+)\)", text))

    assert used == declared
    for name in declared:
        assert text.count(f"record: {name}\n") == 1


@pytest.mark.parametrize("names", [("pager", "critical"), ("default", "warning")])
def test_alertmanager_sends_by_severity(names: tuple[str, str]) -> None:
    receiver, severity = names
    _route(receiver, f"severity={severity}", "service=nightshift")


def test_alertmanager_sends_the_watchdog_to_its_listener() -> None:
    _route("watchdog", "severity=none", "alertname=JobsWatchdog")


def test_a_wrong_receiver_is_told_from_the_right_one() -> None:
    file = str(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    done = run_any(
        *("amtool", "config", "routes", "test", f"--config.file={file}"),
        *("--verify.receivers=default", "severity=critical"),
    )

    assert done.returncode == 1


def test_amtool_accepts_the_configuration_and_the_templates(tmp_path: Path) -> None:
    folder = ROOT / "deploy" / "alertmanager"
    text = (folder / "alertmanager.yml").read_text(encoding="utf-8")
    file = tmp_path / "alertmanager.yml"
    file.write_text(text.replace("/etc/alertmanager/", f"{folder}/"))

    assert "1 templates" in run("amtool", "check-config", str(file))


def test_the_watchdog_is_never_muted() -> None:
    path = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
    for rule in yaml.safe_load(path.read_text(encoding="utf-8"))["inhibit_rules"]:
        targets = rule["target_matchers"]
        assert 'severity!="none"' in targets or 'severity="warning"' in targets


def _route(receiver: str, *labels: str) -> None:
    file = str(ROOT / "deploy" / "alertmanager" / "alertmanager.yml")
    run(
        *("amtool", "config", "routes", "test", f"--config.file={file}"),
        *(f"--verify.receivers={receiver}", *labels),
    )
