"""Our alerting rules with short waits: the expressions are what a live test tries.

A window of an hour would take an hour to fill. Every duration and every threshold is
replaced by a short one; metrics, labels, operators and joins stay as they are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules"
FOR = "3s"

_WINDOWS = {
    "5m": "10s",
    "10m": "12s",
    "15m": "40s",
    "30m": "20s",
    "1h": "25s",
    "2h": "30s",
    "6h": "35s",
    "1d": "40s",
    "3d": "45s",
}
#: Bounds that stand in expressions, in the words that surround them.
_BOUNDS = {
    'le="30.0"': 'le="5.0"',
    'le="300.0"': 'le="5.0"',
    "oldest_waiting_age_seconds) > 60": "oldest_waiting_age_seconds) > 3",
}


def write_quick_rules(folder: Path, thresholds: Mapping[str, float]) -> None:
    """Write the rules to `folder`.

    Args:
        folder: Where to; created when missing.
        thresholds: Values of `nightshift:threshold:<name>` that replace ours.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unused, left = set(_BOUNDS), set(thresholds)
    for path in sorted(RULES.glob("*.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for group in document["groups"]:
            for rule in group["rules"]:
                unused -= {bound for bound in _BOUNDS if bound in rule["expr"]}
                left -= {rule.get("record", "").rpartition(":")[2]}
                _quicken(rule, thresholds)
        (folder / path.name).write_text(yaml.safe_dump(document, sort_keys=False))
    assert not unused, f"No rule holds {unused} any more: mend tests/support."
    assert not left, f"There is no threshold called {left}."


def alert_names(*, patient: bool = False) -> set[str]:
    """Return the names of all alerts, with the long window of those that have several.

    Args:
        patient: Only those that wait before they fire, so that they are pending first.
    """
    return {
        " ".join(filter(None, (rule["alert"], rule["labels"].get("long"))))
        for rule in rules()
        if "alert" in rule and ("for" in rule or not patient)
    }


def rules() -> list[dict[str, Any]]:
    """Return all rules as they are shipped."""
    return [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def _quicken(rule: dict[str, Any], thresholds: Mapping[str, float]) -> None:
    expr = re.sub(r"\[(\w+)(:\w+)?\]", _window, rule["expr"])
    for bound, quick in _BOUNDS.items():
        expr = expr.replace(bound, quick)
    name = rule.get("record", "").rpartition(":")[2]
    if name in thresholds:
        expr = f"vector({thresholds[name]})"
    rule["expr"] = expr
    if "for" in rule:
        rule["for"] = FOR
    rule.pop("keep_firing_for", None)


def _window(match: re.Match[str]) -> str:
    step = ":1s" if match[2] else ""
    return f"[{_WINDOWS[match[1]]}{step}]"
