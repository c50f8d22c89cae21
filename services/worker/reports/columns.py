"""The columns of a table: which, called what, holding what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.worker.reports import cells
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.worker.reports.orders import CellType, ColumnOrder
    from services.worker.reports.reading import Table


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: Its name in the rows.
        label: Its heading.
        kind: What it holds.
        has_total: Whether its sum is wanted.
    """

    key: str
    label: str
    kind: CellType
    has_total: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its cells stand to the right."""
        return self.kind in ("integer", "number", "percent")


def of(table: Table, wanted: Sequence[ColumnOrder] | None) -> list[Column]:
    """Return the columns to write.

    Raises:
        Rejection: When a wanted column is in none of the first rows.
    """
    if wanted is None:
        return [Column(key, key, _kind(table, key)) for key in table.keys]
    missing = [column.key for column in wanted if column.key not in table.keys]
    if missing and table.sample:
        message = f"There is no column {missing[0]!r}; there are {_listed(table.keys)}."
        raise Rejection(message)
    return [
        Column(
            column.key,
            column.label or column.key,
            column.type or _kind(table, column.key),
            column.total,
        )
        for column in wanted
    ]


def labels(columns: Sequence[Column]) -> list[str]:
    """Return the headings, each once: a spreadsheet's table has no two alike."""
    seen: dict[str, int] = {}
    found = []
    for column in columns:
        number = seen[column.label] = seen.get(column.label, 0) + 1
        found.append(column.label if number == 1 else f"{column.label} ({number})")
    return found


def _kind(table: Table, key: str) -> CellType:
    return cells.kind_of([row.get(key) for row in table.sample])


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:20]) or "none"
