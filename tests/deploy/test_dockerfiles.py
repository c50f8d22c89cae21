"""The services' Dockerfiles keep the rules; each rule is shown to catch its mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import dockerfile_rules

ROOT = Path(__file__).parents[2]
SERVICES = ("api", "worker", "scheduler")


def text_of(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_a_dockerfile_keeps_every_rule(service: str) -> None:
    assert list(dockerfile_rules.problems(service, text_of(service))) == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_copied_exists_and_is_not_ignored(service: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in ignore if line.startswith("!")]
    for instruction in dockerfile_rules.parse(text_of(service)):
        if instruction.word == "COPY" and not instruction.text.startswith("--from="):
            source = instruction.text.split()[0]
            assert (ROOT / source).exists()
            assert source.startswith(tuple(allowed)), f"{source} is ignored"


def test_the_three_build_stages_differ_only_in_the_name_of_the_service() -> None:
    stages = {
        re.sub(rf"\b{service}\b", "SERVICE", text_of(service).split("\nFROM")[1])
        for service in SERVICES
    }
    assert len(stages) == 1


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (r"\A", "# syntax=docker/dockerfile:1\n", "Leave out # syntax"),
        (r"ARG PYTHON_IMAGE=\S+", "ARG PYTHON_IMAGE=python:latest", "PYTHON_IMAGE="),
        (r"FROM \S+ AS", "FROM python:3.13 AS", "Build FROM"),
        (r"COPY shared", "ADD shared", "instead of ADD"),
        (r"--require-hashes", "", "--require-hashes"),
        (r"--only-binary :all:", "", "--only-binary"),
        (r"--mount=\S+ ", "", "--mount=type=cache"),
        (r"(?=COPY requirements)", "COPY shared /app/shared\n", "first"),
        (r"COPY shared /app/shared", "COPY . /app", r"Do not copy \."),
        (r"services/api /app", "services /app", "Do not copy services"),
        (r"USER \S+", "USER nightshift", "Set USER"),
        (r"USER \S+", "", "Set USER"),
        (r"STOPSIGNAL SIGTERM", "STOPSIGNAL SIGINT", "Set STOPSIGNAL"),
        (r'CMD \["python", "-m".*', "CMD python -m services.api", "exec form"),
        (r"--start-interval=1s", "", "--start-interval"),
        (r'"healthcheck.py"', '"-m", "services.api.check"', "must not import"),
        (r"WORKDIR", "RUN apt-get install gcc\nWORKDIR", "Install nothing"),
        (r"PYTHONUNBUFFERED=1", "X=1", "PYTHONUNBUFFERED"),
        (r"image\.revision", "image.x", "image.revision"),
        (r"ARG SOURCE", "ARG API_TOKEN", "history"),
    ],
)
def test_a_planted_mistake_is_named(old: str, new: str, sentence: str) -> None:
    text, count = re.subn(old, new, text_of("api"), count=1)
    assert count == 1, f"the Dockerfile no longer has {old}"
    assert re.search(sentence, "\n".join(dockerfile_rules.problems("api", text)))
