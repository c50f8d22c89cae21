"""Columns and charts of a report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.contracts.fields import one_line
from shared.contracts.model import Model

#: Name of a column.
ColumnName = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(one_line)
]
#: A short text on a page.
Caption = Annotated[str, StringConstraints(max_length=200), AfterValidator(one_line)]
#: What stands in a cell.
Cell = str | int | float | bool | None

CellType = Literal[
    "text", "integer", "number", "percent", "date", "datetime", "boolean"
]


class Column(Model):
    """One column of a table.

    Attributes:
        key: Its name in the rows.
        label: Its heading; left out, the key.
        type: What its cells are; left out, found out from the first rows.
        total: Whether its sum stands below the table.
    """

    key: ColumnName
    label: Caption | None = None
    type: CellType | None = None
    total: bool = False


def _differing(columns: list[Column]) -> list[Column]:
    keys = [column.key for column in columns]
    if len(set(keys)) != len(keys):
        message = "must not hold a key twice"
        raise ValueError(message)
    return columns


#: Columns in their order, none of them twice.
Columns = Annotated[list[Column], Field(min_length=1), AfterValidator(_differing)]


class Chart(Model):
    """A picture of some columns, in a PDF.

    Attributes:
        kind: Bars side by side, or lines.
        title: What stands above it.
        x: Column with the names of the groups.
        y: Columns with the numbers.
    """

    kind: Literal["bar", "line"] = "bar"
    title: Caption = ""
    x: ColumnName
    y: list[ColumnName] = Field(min_length=1, max_length=5)
