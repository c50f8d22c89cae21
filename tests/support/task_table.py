"""Writes docs/reference/tasks.md from the contracts.

`python -m tests.support.task_table` after a contract was added or changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.contracts import catalogue

if TYPE_CHECKING:
    from shared.contracts.catalogue import AnyContract

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "tasks.md"
_HEAD = """# Tasks

Every task with its queue, what goes in and what comes out. The same as JSON Schema:
`GET /api/v1/tasks`. `python -m tests.support.task_table` writes this page from
`shared/contracts/tasks`; a test keeps it true.

Fields with * are required. Times are milliseconds unless a name says otherwise.

| task | queue | what it does | attempts | limit of one attempt |
|---|---|---|---|---|
"""


def rendered() -> str:
    """Return the page."""
    contracts = sorted(catalogue.load().values(), key=lambda c: (c.queue, c.name))
    rows = "".join(_row(contract) for contract in contracts)
    sections = "".join(_section(contract) for contract in contracts)
    return f"{_HEAD}{rows}{sections}"


def _row(contract: AnyContract) -> str:
    defaults = contract.defaults
    limit = _duration(defaults.timeout_ms)
    return (
        f"| [`{contract.name}`](#{contract.name}) | `{contract.queue}` "
        f"| {contract.summary} | {defaults.attempts} | {limit} |\n"
    )


def _section(contract: AnyContract) -> str:
    second_run = contract.idempotent_by or "Repeats the effect."
    return (
        f"\n## {contract.name}\n\n"
        f"{contract.summary} A second run: {second_run}\n\n"
        f"In: {_fields(contract.data)}\n\n"
        f"Out: {_fields(contract.result)}\n"
    )


def _fields(model: Any) -> str:
    schema = model.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    names = [
        f"`{name}`{'*' if name in required else ''}"
        for name in schema.get("properties", {})
    ]
    return ", ".join(names) + "." if names else "nothing."


def _duration(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
