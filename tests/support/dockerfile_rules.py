"""What the Dockerfile of a service must and must not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = ("title", "description", "version", "revision", "source", "licenses")
VARIABLES = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER")
#: What is copied beside a service's own files.
_BESIDE = {"api": {"cli/__init__.py", "cli/doctor.py"}}
_SCRIPT = "deploy/images/install.sh"


@dataclass(frozen=True)
class Instruction:
    """One instruction, with its continuation lines joined.

    Attributes:
        stage: 0 for the first FROM, -1 before it.
        word: Such as `RUN`.
        text: The rest.
    """

    stage: int
    word: str
    text: str


def parse(text: str) -> list[Instruction]:
    """Split a Dockerfile into instructions, without its comments."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found: list[Instruction] = []
    stage = -1
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            stage += word == "FROM"
            found.append(Instruction(stage, word, " ".join(rest.split())))
    return found


def problems(service: str, text: str) -> Iterator[str]:
    """Say what is wrong with the Dockerfile of `service`, and the fix."""
    if re.match(r"#\s*syntax\s*=", text):
        yield "Leave out # syntax: it pulls an image to build with."
    instructions = parse(text)
    last = [i for i in instructions if i.stage == instructions[-1].stage]
    yield from _base(instructions)
    yield from _build(service, instructions)
    yield from _runtime(service, last)


def install_problems(script: str) -> Iterator[str]:
    """Say what is wrong with the script that installs the requirements."""
    for option in ("--require-hashes", "--only-binary :all:", "--no-compile"):
        if option not in script:
            yield f"Install with {option}."


def _base(instructions: list[Instruction]) -> Iterator[str]:
    default = next((i.text for i in instructions if i.word == "ARG"), "")
    if not re.fullmatch(r"PYTHON_IMAGE=[\w./-]+:[\w.-]*\d[\w.-]*(@\S+)?", default):
        yield "Start with ARG PYTHON_IMAGE= and a tag that names a version."
    # Stages of the file itself, and a choice among them.
    stages = {
        name
        for i in instructions
        if i.word == "FROM" and (name := i.text.partition(" AS ")[2])
    }
    for i in instructions:
        base = i.text.partition(" ")[0]
        if i.word == "FROM" and base not in {
            "${PYTHON_IMAGE}",
            "${PROGRAMS}",
            *stages,
        }:
            yield f"Build FROM ${{PYTHON_IMAGE}} instead of {i.text}."
        if i.word == "ADD":
            yield "Use COPY instead of ADD."


def _build(service: str, instructions: list[Instruction]) -> Iterator[str]:
    installs = [i for i in instructions if i.word == "RUN" and _SCRIPT in i.text]
    if len(installs) != 1 or "pip install" in _joined(instructions, "RUN"):
        yield f"Install with {_SCRIPT}, and with nothing else."
    if any("--mount=type=cache" not in i.text for i in installs):
        yield "Install with --mount=type=cache."
    copied = [
        source
        for i in instructions
        if i.word == "COPY" and not i.text.startswith("--from=")
        for source in i.text.split()[:-1]
    ]
    if copied[:1] != [f"requirements/{service}.txt"]:
        yield f"Copy requirements/{service}.txt first, so that its layer is reused."
    allowed = {
        f"requirements/{service}.txt",
        f"services/{service}",
        "services/__init__.py",
        "shared",
        "deploy/images/healthcheck.py",
        *_BESIDE.get(service, ()),
    }
    for path in copied:
        if path not in allowed:
            yield f"Do not copy {path}: {service} does not need it."


def _runtime(service: str, last: list[Instruction]) -> Iterator[str]:
    for word, text, sentence in (
        ("USER", "10001:10001", "Set USER 10001:10001 once, as numbers."),
        ("STOPSIGNAL", "SIGTERM", "Set STOPSIGNAL SIGTERM."),
        (
            "CMD",
            f'["python", "-m", "services.{service}"]',
            f"Start services.{service} with CMD in its exec form.",
        ),
    ):
        if [i.text for i in last if i.word == word] != [text]:
            yield sentence
    check = _joined(last, "HEALTHCHECK")
    if "--start-interval=" not in check or 'CMD ["python", ' not in check:
        yield "Set HEALTHCHECK with --start-interval and an exec-form CMD."
    if "services" in check:
        yield "A HEALTHCHECK must not import the application."
    if re.search(r"\bapt(-get)?\b|pip install", _joined(last, "RUN")):
        yield "Install nothing in the last stage."
    yield from _metadata(last)


def _metadata(last: list[Instruction]) -> Iterator[str]:
    environment = _joined(last, "ENV")
    for name in VARIABLES:
        if f"{name}=1" not in environment:
            yield f"Set ENV {name}=1."
    labels = _joined(last, "LABEL")
    for name in LABELS:
        if f"org.opencontainers.image.{name}=" not in labels:
            yield f"Set LABEL org.opencontainers.image.{name}."
    for name in ("TOKEN", "PASSWORD", "SECRET"):
        if name in environment or name in _joined(last, "ARG"):
            yield f"Keep {name} out of the image's history."


def _joined(instructions: list[Instruction], word: str) -> str:
    return " ".join(i.text for i in instructions if i.word == word)
