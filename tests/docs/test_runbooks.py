"""What a runbook tells somebody to call, start or look at exists under that name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("Jobs*.md"))
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
CODE = "".join(
    path.read_text(encoding="utf-8")
    for folder in ("services", "shared")
    for path in (ROOT / folder).rglob("*.py")
)

pytestmark = pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _commands(path: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _text(path))


def test_endpoints_exist(path: Path) -> None:
    api: dict[str, Any] = json.loads(
        (ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8")
    )
    known = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", address))
        for address, methods in api["paths"].items()
        for method in methods
    }
    for command in _commands(path):
        if found := re.match(r"(GET|POST|PUT|PATCH|DELETE) (/[^? ]*)", command):
            method, address = found.groups()
            # Where jobs are posted and listed, each queue has an entry of its own.
            of_a_queue = address.replace("{queue}", "email")
            asked = {
                (method, re.sub(r"\{\w+\}", "{}", form))
                for form in (address, of_a_queue)
            }
            assert asked & known, f"{command}: there is no such endpoint."


def test_compose_knows_the_services(path: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    verbs = r"docker compose (?:logs|ps|up|exec|restart|stop)"
    for command in _commands(path):
        if not re.match(verbs, command):
            continue
        words = re.sub(verbs, "", command).split()
        named = {
            word.removesuffix("=3")
            for word in words
            if re.fullmatch(r"[a-z][a-z-]*(=3)?", word) and word in compose["services"]
        }
        scaled = re.search(r"--scale (\w+)=", command)
        named |= {scaled[1]} if scaled else set()
        assert named or words == ["-a"], f"{command}: which service is meant?"
        assert named <= set(compose["services"])


def test_kubernetes_has_the_labels(path: Path) -> None:
    manifests = "".join(
        file.read_text(encoding="utf-8")
        for file in (ROOT / "deploy" / "k8s" / "base").rglob("*.yaml")
    )
    for component in re.findall(r"app\.kubernetes\.io/component=(\w+)", _text(path)):
        assert f"app.kubernetes.io/component: {component}" in manifests


def test_dashboards_and_their_panels_exist(path: Path) -> None:
    for name, rest in re.findall(r"Dashboard \*(\w+)\*:([^.\n]*)", _text(path)):
        file = DASHBOARDS / f"nightshift-{name.lower()}.json"
        assert file.exists(), f"There is no dashboard {name}."
        panels = {p["title"] for p in json.loads(_text(file))["panels"]}
        boards = {p.stem.removeprefix("nightshift-") for p in DASHBOARDS.glob("*.json")}
        for panel in re.findall(r"\*([^*]+)\*", rest):
            assert panel in panels or panel.lower() in boards, f"{name} has no {panel}."


def test_log_events_exist(path: Path) -> None:
    for line in _text(path).splitlines():
        if "compose logs" not in line:
            continue
        for event in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", line):
            assert f'"{event}"' in CODE, f"No service logs {event}."


def test_settings_exist(path: Path) -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(NIGHTSHIFT_\w+|REDIS_URL)`", _text(path)):
        assert f"`{name}`" in page, f"{name} is no setting."


def test_who_calls_redis_is_told_how(path: Path) -> None:
    if "redis-cli" in _text(path):
        assert "(README.md#redis-cli)" in _text(path)
