"""All contracts of the installation, found by looking into `shared.contracts.tasks`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any

from shared.contracts import tasks
from shared.contracts.contract import TaskContract
from shared.errors import ConfigurationError, UnknownTaskError

AnyContract = TaskContract[Any, Any]


class Catalogue(Mapping[str, AnyContract]):
    """The contracts by task name."""

    def __init__(self, contracts: Mapping[str, AnyContract]) -> None:
        """Take the contracts, keyed by task name."""
        self._contracts = dict(contracts)
        self._queues = tuple(sorted({c.queue for c in contracts.values()}))

    def __getitem__(self, name: str) -> AnyContract:
        return self._contracts[name]

    def find(self, name: str) -> AnyContract:
        """Return the contract called `name`.

        Raises:
            UnknownTaskError: When there is none; the message names those that exist.
        """
        try:
            return self._contracts[name]
        except KeyError:
            raise UnknownTaskError(name, tuple(sorted(self._contracts))) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._contracts)

    def __len__(self) -> int:
        return len(self._contracts)

    def queues(self) -> tuple[str, ...]:
        """Return the names of all queues, sorted."""
        return self._queues


def module_names() -> tuple[str, ...]:
    """Return the file names of the contracts, without the suffix, sorted."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(tasks.__path__)))


def load() -> Catalogue:
    """Import every contract file.

    Raises:
        ConfigurationError: When a file has no CONTRACT or two tasks share a name.
    """
    contracts: dict[str, AnyContract] = {}
    for module_name in module_names():
        contract = contract_of(module_name)
        if contract.name in contracts:
            message = f"Two contract files define the task {contract.name!r}."
            raise ConfigurationError(message)
        contracts[contract.name] = contract
    return Catalogue(contracts)


def contract_of(module_name: str) -> AnyContract:
    """Return the CONTRACT of one file in `shared/contracts/tasks`.

    Raises:
        ConfigurationError: When the file has none.
    """
    module = importlib.import_module(f"{tasks.__name__}.{module_name}")
    contract = getattr(module, "CONTRACT", None)
    if not isinstance(contract, TaskContract):
        message = f"shared/contracts/tasks/{module_name}.py defines no CONTRACT."
        raise ConfigurationError(message)
    return contract
