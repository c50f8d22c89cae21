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
            for source in instruction.text.split()[:-1]:
                assert (ROOT / source).exists()
                assert source.startswith(tuple(allowed)), f"{source} is ignored"


def test_the_build_stages_differ_only_in_the_name_of_the_service() -> None:
    stages = {
        re.sub(rf"\b{service}\b", "SERVICE", text_of(service).split("\nFROM")[1])
        for service in ("worker", "scheduler")
    }
    assert len(stages) == 1


def test_requirements_are_installed_by_their_hashes() -> None:
    script = (ROOT / "deploy/images/install.sh").read_text()
    assert list(dockerfile_rules.install_problems(script)) == []
    for option in ("--require-hashes", "--only-binary :all:"):
        without = script.replace(option, "")
        assert list(dockerfile_rules.install_problems(without)) == [
            f"Install with {option}."
        ]


def test_only_the_flavour_with_ffmpeg_installs_a_package_of_debian() -> None:
    instructions = dockerfile_rules.parse(text_of("worker"))
    installs = [i for i in instructions if i.word == "RUN" and "apt-get" in i.text]
    assert len(installs) == 1
    stages = [i.text for i in instructions if i.word == "FROM"]
    assert stages[installs[0].stage].endswith(" AS ffmpeg")
    assert "ARG PROGRAMS=none\n" in text_of("worker")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (r"\A", "# syntax=docker/dockerfile:1\n", "Leave out # syntax"),
        (r"ARG PYTHON_IMAGE=\S+", "ARG PYTHON_IMAGE=python:latest", "PYTHON_IMAGE="),
        (r"FROM \S+ AS", "FROM python:3.13 AS", "Build FROM"),
        (r"COPY shared", "ADD shared", "instead of ADD"),
        (r"sh /install.sh", "pip install flask", "nothing else"),
        (r"--mount=type=cache\S+ ", "", "--mount=type=cache"),
        (r"(?=COPY requirements)", "COPY shared shared\n", "first"),
        (r"COPY shared shared", "COPY . .", r"Do not copy \."),
        (r"COPY services/api services/api", "COPY services x", "Do not copy services"),
        (r"USER \S+", "USER nightshift", "Set USER"),
        (r"USER \S+", "", "Set USER"),
        (r"STOPSIGNAL SIGTERM", "STOPSIGNAL SIGINT", "Set STOPSIGNAL"),
        (r'CMD \["python", "-m".*', "CMD python -m services.api", "exec form"),
        (r"--start-interval=1s", "", "--start-interval"),
        (r'"healthcheck.py"', '"-m", "services.api.check"', "must not import"),
        (r"EXPOSE", "RUN apt-get install gcc\nEXPOSE", "Install nothing"),
        (r"PYTHONUNBUFFERED=1", "X=1", "PYTHONUNBUFFERED"),
        (r"image\.revision", "image.x", "image.revision"),
        (r"ARG SOURCE", "ARG API_TOKEN", "history"),
    ],
)
def test_a_planted_mistake_is_named(old: str, new: str, sentence: str) -> None:
    text, count = re.subn(old, new, text_of("api"), count=1)
    assert count == 1, f"the Dockerfile no longer has {old}"
    assert re.search(sentence, "\n".join(dockerfile_rules.problems("api", text)))
