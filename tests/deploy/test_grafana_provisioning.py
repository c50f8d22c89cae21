"""What Grafana loads at its start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "deploy" / "grafana"


def _load(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((GRAFANA / path).read_text(encoding="utf-8")))


def test_the_data_sources_have_the_uids_that_others_name() -> None:
    sources = _load("provisioning/datasources/nightshift.yml")["datasources"]

    assert {s["uid"] for s in sources} == {"prometheus", "alertmanager"}
    assert [s["uid"] for s in sources if s.get("isDefault")] == ["prometheus"]


def test_the_scrape_interval_is_the_one_that_grafana_knows() -> None:
    source = _load("provisioning/datasources/nightshift.yml")["datasources"][0]
    path = ROOT / "deploy" / "prometheus" / "prometheus.yml"
    scrape = yaml.safe_load(path.read_text(encoding="utf-8"))["global"]

    assert source["jsonData"]["timeInterval"] == scrape["scrape_interval"]


def test_dashboards_can_not_be_changed_in_the_browser() -> None:
    (provider,) = _load("provisioning/dashboards/nightshift.yml")["providers"]

    assert provider["allowUiUpdates"] is False
    assert provider["disableDeletion"] is True


def test_the_managed_copy_has_every_alert_and_is_not_provisioned() -> None:
    managed = _load("managed/alerts.yml")
    titles = {rule["title"] for group in managed["groups"] for rule in group["rules"]}
    names = {
        (
            rule["alert"]
            + (f"-{rule['labels']['long']}" if "long" in rule["labels"] else "")
        )
        for path in (ROOT / "deploy" / "prometheus" / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }

    assert titles == names
    assert not (GRAFANA / "provisioning" / "alerting").exists()


def test_the_managed_copy_fits_grafana() -> None:
    managed = _load("managed/alerts.yml")
    uids = [rule["uid"] for group in managed["groups"] for rule in group["rules"]]

    assert len(uids) == len(set(uids))
    for uid in uids:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid), uid
    for group in managed["groups"]:
        for rule in group["rules"]:
            assert rule["noDataState"] == "OK"
            assert rule["data"][0]["model"]["expr"].endswith(") * 0 + 1")
            assert "$externalLabels" not in str(rule["annotations"])
            assert "$value" not in str(rule["annotations"])
            assert "$" not in str(rule["labels"])


def test_the_managed_copy_routes_as_alertmanager_does() -> None:
    (policy,) = _load("managed/alerts.yml")["policies"]
    path = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
    route = yaml.safe_load(path.read_text(encoding="utf-8"))["route"]

    assert policy["receiver"] == route["receiver"]
    ours = {str(r["object_matchers"][0][2]): r["receiver"] for r in policy["routes"]}
    theirs = {
        re.sub(r'severity="(\w+)"', r"\1", r["matchers"][0]): r["receiver"]
        for r in route["routes"]
    }
    assert ours == theirs
