"""Writes the dashboards and the Grafana-managed copy of the alerts."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.grafana.sources import boards, managed_alerts

GRAFANA = Path(__file__).resolve().parents[1]


def files() -> dict[Path, str]:
    """Return every generated file and what it must hold."""
    found = {}
    for build in boards.ALL.values():
        board = build()
        text = json.dumps(board, indent=2, ensure_ascii=False) + "\n"
        found[GRAFANA / "dashboards" / f"{board['uid']}.json"] = text
    rules = GRAFANA.parent / "prometheus" / "rules"
    found[GRAFANA / "managed" / "alerts.yml"] = managed_alerts.document(rules)
    return found


if __name__ == "__main__":
    for path, content in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
