from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from shared.contracts import catalogue, tasks
from shared.contracts.catalogue import Catalogue
from shared.contracts.contract import Model, TaskContract
from shared.errors import ConfigurationError, UnknownTaskError
from shared.jobs.names import check_queue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTRACT_FILE = """
from shared.contracts.contract import Model, TaskContract

CONTRACT = TaskContract(
    name="{name}", queue="demo", summary="Does it.", data=Model, result=Model
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that takes the place of shared/contracts/tasks."""
    monkeypatch.setattr(tasks, "__path__", [str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(tasks.__name__):
            del sys.modules[name]


def contract(name: str, queue: str = "demo") -> TaskContract[Model, Model]:
    return TaskContract(
        name=name, queue=queue, summary="Does it.", data=Model, result=Model
    )


def test_a_task_is_found_by_its_name() -> None:
    echo = contract("echo")
    known = Catalogue({"echo": echo})
    assert known.find("echo") is echo
    assert known["echo"] is echo
    assert "echo" in known
    assert dict(known) == {"echo": echo}
    assert len(known) == 1


def test_an_unknown_task_is_answered_with_those_that_exist() -> None:
    known = Catalogue({"b": contract("b"), "a": contract("a")})
    with pytest.raises(UnknownTaskError, match="known tasks: a, b") as refusal:
        known.find("nope")
    assert refusal.value.name == "nope"
    assert refusal.value.known == ("a", "b")
    with pytest.raises(UnknownTaskError, match=r"There is no task named 'x'\.$"):
        Catalogue({}).find("x")


def test_queues_are_named_once_and_in_order() -> None:
    tasks = {n: contract(n, q) for n, q in [("a", "z"), ("b", "m"), ("c", "z")]}
    assert Catalogue(tasks).queues() == ("m", "z")


def test_every_file_in_the_folder_is_a_task(folder: Path) -> None:
    for module, name in [("one", "task-one"), ("two", "task-two")]:
        (folder / f"{module}.py").write_text(CONTRACT_FILE.format(name=name))
    assert catalogue.module_names() == ("one", "two")
    assert sorted(catalogue.load()) == ["task-one", "task-two"]


def test_two_files_for_one_task_are_refused(folder: Path) -> None:
    for module in ("dup_one", "dup_two"):
        (folder / f"{module}.py").write_text(CONTRACT_FILE.format(name="same"))
    with pytest.raises(ConfigurationError, match=r"Two contract files .* 'same'"):
        catalogue.load()


@pytest.mark.parametrize("text", ["", "CONTRACT = None", "CONTRACT = 'echo'"])
def test_a_file_without_a_contract_is_refused_by_name(folder: Path, text: str) -> None:
    (folder / "hollow.py").write_text(text)
    with pytest.raises(ConfigurationError, match=r"tasks/hollow\.py defines no CONTR"):
        catalogue.load()


def test_the_names_of_the_real_tasks_can_stand_in_keys_and_headers() -> None:
    for name, known in catalogue.load().items():
        assert known.name == name
        assert check_queue(name)
        assert check_queue(known.queue)
        assert known.redacted <= set(known.data.model_fields)
