"""The Prometheus alerts as Grafana-managed ones, for those who run no Alertmanager.

Prometheus fires when an expression returns any series, Grafana when a threshold on its
value holds. So each expression becomes 1 wherever it returns anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = """\
# Generated from deploy/prometheus/rules by `make dashboards`: do not edit.
# Off by default. Two sources that fire the same alert are worse than one, so mount this
# file only where no Alertmanager hears the Prometheus rules.
"""
_LINK = re.compile(r'\{\{ or \$externalLabels\.\w+ "([^"]+)" \}\}')
_LONGEST_UID = 40


def document(rules: Path) -> str:
    """Return the provisioning file."""
    groups = []
    for path in sorted(rules.glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            alerts = [rule for rule in group["rules"] if "alert" in rule]
            if alerts:
                groups.append(_group(group["name"], alerts))
    content = {
        "apiVersion": 1,
        "groups": groups,
        "contactPoints": _CONTACTS,
        "policies": _POLICIES,
        "templates": _TEMPLATES,
    }
    return _HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _group(name: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "orgId": 1,
        "name": name,
        "folder": "Nightshift",
        "interval": "1m",
        "rules": [_rule(alert) for alert in alerts],
    }


def _rule(alert: dict[str, Any]) -> dict[str, Any]:
    labels = alert["labels"]
    suffix = f"-{labels['long']}" if "long" in labels else ""
    rule: dict[str, Any] = {
        "uid": (_kebab(alert["alert"]) + suffix)[:_LONGEST_UID],
        "title": alert["alert"] + suffix,
        "condition": "C",
        "for": alert.get("for", "0s"),
        "noDataState": "OK",
        "execErrState": "Error",
        "data": [
            {
                "refId": "A",
                "datasourceUid": "prometheus",
                "relativeTimeRange": {"from": 600, "to": 0},
                "model": {
                    "refId": "A",
                    "instant": True,
                    "expr": f"(\n{alert['expr'].rstrip()}\n) * 0 + 1",
                },
            },
            {
                "refId": "C",
                "datasourceUid": "__expr__",
                "model": {
                    "refId": "C",
                    "type": "threshold",
                    "expression": "A",
                    "conditions": [{"evaluator": {"type": "gt", "params": [0]}}],
                },
            },
        ],
        "labels": dict(labels),
        "annotations": {
            name: _plain(text)
            for name, text in alert["annotations"].items()
            # Its value would be the 1 that the expression was turned into.
            if name != "description"
        },
    }
    if "keep_firing_for" in alert:
        rule["keepFiringFor"] = alert["keep_firing_for"]
    return rule


def _plain(text: str) -> str:
    """Return a text without what only Prometheus's templates know."""
    text = _LINK.sub(r"\1", text)
    return re.sub(r"\{\{ \$value[^}]*\}\}", "more than allowed", text)


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


_CONTACTS = [
    {
        "orgId": 1,
        "name": name,
        "receivers": [
            {
                "uid": name,
                "type": "webhook",
                "settings": {
                    "url": f"${{{name.upper()}_URL}}",
                    "title": '{{ template "nightshift.title" . }}',
                    "message": '{{ template "nightshift.text" . }}',
                },
            }
        ],
    }
    for name in ("default", "pager", "watchdog")
]
_POLICIES = [
    {
        "orgId": 1,
        "receiver": "default",
        "group_by": ["alertname", "service"],
        "repeat_interval": "4h",
        "routes": [
            {
                "receiver": "watchdog",
                "object_matchers": [["severity", "=", "none"]],
                "repeat_interval": "1m",
            },
            {
                "receiver": "pager",
                "object_matchers": [["severity", "=", "critical"]],
                "repeat_interval": "1h",
            },
        ],
    }
]
_TEMPLATES = [
    {
        "orgId": 1,
        "name": "nightshift",
        "template": (
            '{{ define "nightshift.title" }}[{{ .Status }}] '
            "{{ .CommonLabels.alertname }}{{ end }}\n"
            '{{ define "nightshift.text" }}{{ range .Alerts }}'
            "{{ .Annotations.summary }} What to do: {{ .Annotations.runbook_url }}\n"
            "{{ end }}{{ end }}\n"
        ),
    }
]
