from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from shared.broker import script_loader
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of scripts that takes the place of ours."""
    (tmp_path / "includes").mkdir()
    monkeypatch.setattr(script_loader, "FOLDER", tmp_path)
    monkeypatch.setattr(script_loader, "INCLUDES", tmp_path / "includes")
    script_loader.load.cache_clear()
    yield tmp_path
    script_loader.load.cache_clear()


def write(folder: Path, **files: str) -> None:
    """Write scripts; a name that begins with `i_` is an include."""
    for name, text in files.items():
        place = folder / "includes" if name.startswith("i_") else folder
        (place / f"{name}.lua").write_text(text)


def test_an_include_takes_the_place_of_its_mark(folder: Path) -> None:
    write(folder, go="a\n-- @include i_x\nz\n", i_x="x")
    script = script_loader.load("go")
    assert script.name == "go"
    assert script.source == "a\nx\nz\n"
    assert script.sha == hashlib.sha1(script.source.encode()).hexdigest()  # noqa: S324


def test_several_includes_come_in_the_order_of_their_names_in_the_mark(
    folder: Path,
) -> None:
    write(folder, go="-- @include i_b i_a\n", i_a="a", i_b="b")
    assert script_loader.load("go").source == "b\na\n"


def test_what_two_includes_need_is_written_in_once_and_first(folder: Path) -> None:
    write(
        folder,
        go="-- @include i_a i_b i_base\nbody\n",
        i_a="-- @include i_base\na",
        i_b="-- @include i_base\nb",
        i_base="base",
    )
    lines = [line for line in script_loader.load("go").source.split("\n") if line]
    assert lines == ["base", "a", "b", "body"]


def test_a_missing_include_is_named_with_who_wants_it(folder: Path) -> None:
    write(folder, go="-- @include i_x\n", i_x="-- @include i_nope\n")
    with pytest.raises(ConfigurationError, match=r"i_x\.lua includes 'i_nope'"):
        script_loader.load("go")


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"i_a": "-- @include i_a\n"}, "go > i_a > i_a"),
        (
            {"i_a": "-- @include i_b\n", "i_b": "-- @include i_a\n"},
            "go > i_a > i_b > i_a",
        ),
    ],
)
def test_a_circle_is_shown(files: dict[str, str], circle: str, folder: Path) -> None:
    write(folder, go="-- @include i_a\n", **files)
    with pytest.raises(ConfigurationError, match=f"go in circles: {circle}"):
        script_loader.load("go")


def test_names_are_those_of_the_scripts_only(folder: Path) -> None:
    write(folder, go="", come="", i_x="")
    assert script_loader.names() == ("come", "go")


def test_no_mark_of_an_include_is_left_in_ours() -> None:
    for name in script_loader.names():
        assert "@include" not in script_loader.load(name).source
