"""How our Lua is written: headers, includes, sizes, key names."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from shared.broker import script_loader
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS, QueueKeys
from shared.broker.scripts import Scripts
from shared.jobs.events import JobEvent
from shared.jobs.states import FINAL, TRANSITIONS

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = sorted(script_loader.FOLDER.glob("*.lua"))
INCLUDES = sorted(script_loader.INCLUDES.glob("*.lua"))
LONGEST_COMMAND, LONGEST_INCLUDE = 120, 60
#: Scripts that change no state of a job.
NO_ARROW = {
    "add_log",
    "configure",
    "progress",
    "read_counts",
    "read_job",
    "read_page",
    "remove",
    "renew",
}
#: Scripts that bring states back to what they were; no way of a job.
MENDERS = {"audit"}

every_command = pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.stem)
every_include = pytest.mark.parametrize("path", INCLUDES, ids=lambda path: path.stem)


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def header(path: Path) -> str:
    found = re.match(r"#!lua[^\n]*\n--\[\[\n(.*?)\n\]\]\n", text(path), re.DOTALL)
    assert found, f"{path.name} begins with no header block"
    return found[1]


def section(path: Path, name: str) -> str:
    """Return what a header says under `name`, its following lines included."""
    found = re.search(
        rf"^  {re.escape(name)} +(\S.*(?:\n(?:    | {{11}}).*)*)",
        header(path),
        re.MULTILINE,
    )
    assert found, f"the header of {path.name} says nothing about {name}"
    return found[1]


def code(path: Path) -> str:
    """Return a file's text without its comments."""
    bare = re.sub(r"--\[\[.*?\]\]", "", text(path), flags=re.DOTALL)
    return re.sub(r"--[^\n]*", "", bare)


def included(path: Path) -> list[str]:
    marks = re.findall(r"^-- @include (.+)$", text(path), re.MULTILINE)
    return [name for mark in marks for name in mark.split()]


@every_command
def test_a_header_says_the_purpose_after_the_scripts_own_name(path: Path) -> None:
    assert re.match(rf"  {path.stem}: \S.+", header(path))


@every_command
def test_a_header_declares_the_one_key(path: Path) -> None:
    assert section(path, "KEYS[1]") == "prefix of the queue, `ns:{queue}:`"
    assert "KEYS[2]" not in text(path)


@every_command
def test_a_header_describes_the_arguments_the_answer_and_the_events(
    path: Path,
) -> None:
    assert "  ARGV" in header(path)
    assert section(path, "Returns")
    assert section(path, "Events")


@every_command
def test_a_header_numbers_every_argument_that_the_script_reads(path: Path) -> None:
    read = {int(number) for number in re.findall(r"ARGV\[(\d+)\]", code(path))}
    described = {
        int(n) for n in re.findall(r"^  ARGV\[(\d+)\]  ", header(path), re.MULTILINE)
    }
    assert read == described
    assert read == set(range(1, len(read) + 1))


@every_command
def test_a_header_names_the_events_that_the_script_writes(path: Path) -> None:
    said = set(
        re.findall(r"\b[a-z]+\b", re.sub(r"\(.*?\)", "", section(path, "Events")))
    )
    events = {event.value for event in JobEvent}
    sources = [path, *(script_loader.INCLUDES / f"{n}.lua" for n in all_includes(path))]
    written = {
        name
        for source in sources
        for name in re.findall(r"addEvent\('(\w+)'", code(source))
    }
    assert written <= events, "a name that events.py does not know"
    assert said & events == written
    assert bool(written) == (section(path, "Events") != "none")


@every_command
def test_a_script_that_may_write_says_what_happens_when_redis_is_full(
    path: Path,
) -> None:
    flags = text(path).split("\n", 1)[0]
    expected = {"enqueue": "#!lua"} | dict.fromkeys(
        ("read_counts", "read_job", "read_page"), "#!lua flags=no-writes"
    )
    assert flags == expected.get(path.stem, "#!lua flags=allow-oom")


@every_include
def test_an_include_begins_with_a_sentence(path: Path) -> None:
    assert re.match(r"-- [A-Z]\S* \S+", text(path))
    assert not text(path).startswith("-- @include")


def all_includes(path: Path) -> set[str]:
    found: set[str] = set()
    for name in included(path):
        found |= {name} | all_includes(script_loader.INCLUDES / f"{name}.lua")
    return found


def test_every_include_is_used() -> None:
    used = {name for path in (*COMMANDS, *INCLUDES) for name in included(path)}
    assert used == {path.stem for path in INCLUDES}


@pytest.mark.parametrize("path", [*COMMANDS, *INCLUDES], ids=lambda path: path.stem)
def test_a_file_includes_what_it_calls_and_calls_what_it_includes(path: Path) -> None:
    for name in included(path):
        defined = definitions(script_loader.INCLUDES / f"{name}.lua")
        assert any(re.search(rf"\b{d}\b", code(path)) for d in defined), name
    reachable = {d for n in all_includes(path) for d in everything_defined()[n]}
    foreign = {d for ds in everything_defined().values() for d in ds} - definitions(
        path
    )
    called = {d for d in foreign if re.search(rf"\b{d}\b(?=[\s(),\[\].+])", code(path))}
    own = set(re.findall(r"\blocal ([\w, ]+?) =", code(path)))
    own_names = {name.strip() for names in own for name in names.split(",")}
    assert called - own_names <= reachable


@cache
def definitions(path: Path) -> frozenset[str]:
    """Return the local names at the outermost level of a file."""
    names = re.findall(
        r"^local (?:function )?([\w, ]+?)(?: =|\()", code(path), re.MULTILINE
    )
    return frozenset(name.strip() for found in names for name in found.split(","))


@cache
def everything_defined() -> dict[str, frozenset[str]]:
    return {path.stem: definitions(path) for path in INCLUDES}


@every_command
def test_a_command_is_short(path: Path) -> None:
    assert len(text(path).splitlines()) <= LONGEST_COMMAND


@every_include
def test_an_include_is_shorter(path: Path) -> None:
    assert len(text(path).splitlines()) <= LONGEST_INCLUDE


@pytest.mark.parametrize("path", [*COMMANDS, *INCLUDES], ids=lambda path: path.stem)
def test_no_script_asks_a_clients_clock_or_walks_all_keys(path: Path) -> None:
    calls = set(re.findall(r"redis\.p?call\('(\w+)'", code(path)))
    assert not calls & {"KEYS", "SCAN", "FLUSHALL", "FLUSHDB"}
    assert "os." not in code(path)
    assert "cjson" not in code(path)
    assert "math.random" not in code(path)
    assert ("TIME" in calls) == (path.stem == "now")


def test_lua_and_python_name_the_same_keys() -> None:
    literals: set[str] = set()
    states: set[str] = set()
    for path in (*COMMANDS, *INCLUDES):
        literals |= set(re.findall(r"prefix \.\. '([^']+)'", code(path)))
        states |= set(re.findall(r"finishedKey\('(\w+)'\)", code(path)))
    once = {name for name in literals if not name.endswith(":")}
    members = {name.removesuffix(":") for name in literals if name.endswith(":")}
    assert once | states == set(QUEUE_KEYS)
    assert members == set(MEMBER_KEYS)
    assert states == {state.value for state in FINAL}


def test_lua_expects_the_types_that_python_names() -> None:
    keys = QueueKeys("ns", "mail")
    names = dict(
        re.findall(r"local (\w+Key) = prefix \.\. '(\w+)'", text(include("keys")))
    )
    for key, kind in re.findall(
        r"\[(\w+Key)\] = '(\w+)'", text(include("expect_types"))
    ):
        assert QUEUE_KEYS[names[key]] == kind
        assert keys.one(names[key]).startswith(keys.prefix)


def include(name: str) -> Path:
    return script_loader.INCLUDES / f"{name}.lua"


def test_every_arrow_is_a_script_and_every_other_script_leaves_states_alone() -> None:
    arrows = {transition.name for transition in TRANSITIONS}
    assert arrows | NO_ARROW | MENDERS == set(script_loader.names())
    for name in NO_ARROW:
        assert "'state'" not in code(script_loader.FOLDER / f"{name}.lua")


def test_every_script_is_a_method() -> None:
    for name in script_loader.names():
        assert callable(getattr(Scripts, name))
