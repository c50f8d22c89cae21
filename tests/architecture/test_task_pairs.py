"""Every task is a contract and an implementation of the same name."""

from __future__ import annotations

import importlib
import inspect
import typing
from pathlib import Path

import pytest

from services.worker import tasks as implementations
from services.worker.binding import implementation_of
from services.worker.context import JobContext
from shared.contracts import catalogue
from shared.contracts import tasks as contracts


def files(package: object) -> set[str]:
    [folder] = package.__path__  # type: ignore[attr-defined]
    return {p.stem for p in Path(folder).glob("*.py")} - {"__init__"}


def test_every_contract_has_an_implementation_and_the_reverse() -> None:
    assert files(contracts) == files(implementations)
    assert files(contracts) == set(catalogue.module_names())


def test_a_file_is_named_as_its_task() -> None:
    for module in catalogue.module_names():
        assert catalogue.contract_of(module).name == module.replace("_", "-")


@pytest.mark.parametrize("module", catalogue.module_names())
def test_an_implementation_takes_and_gives_what_its_contract_says(module: str) -> None:
    contract, run = catalogue.contract_of(module), implementation_of(module)
    parameters = list(inspect.signature(run).parameters)
    assert parameters == ["data", "context"]
    # Names that only a type checker imports are looked up in the contract's file.
    contract_file = importlib.import_module(f"{contracts.__name__}.{module}")
    names = {**vars(contract_file), "JobContext": JobContext}
    hints = typing.get_type_hints(run, localns=names)
    assert hints == {
        "data": contract.data,
        "context": JobContext,
        "return": contract.result,
    }
