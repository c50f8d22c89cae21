"""What a report's child process is told and answers; plain data."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

CellType = Literal[
    "text", "integer", "number", "percent", "date", "datetime", "boolean"
]

#: Names of files in the child's folder.
ORDER_FILE, SOURCE_FILE, RESULT_FILE = "order.json", "source", "result"


class ColumnOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One column; the fields are those of the contract."""

    key: str
    label: str
    type: CellType | None = None
    total: bool = False


class ChartOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One chart; the fields are those of the contract."""

    kind: Literal["bar", "line"]
    title: str
    x: str
    y: list[str]


class ConditionOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a row must fulfil; the fields are those of the contract."""

    column: str
    test: str
    value: str | int | float | bool | None = None


class TableOrder(msgspec.Struct, frozen=True, kw_only=True, tag="table"):
    """A table as CSV, JSON lines or XLSX; from `rows`, or from the source file.

    Attributes:
        format: What to write.
        title: Name of an XLSX sheet.
        columns: Which columns; None means all of the first rows.
        rows: The table itself; None means that it lies in the source file.
        where: What a row must fulfil.
        is_packed: Whether the result is packed with gzip.
        is_plain: Whether an XLSX has values only: faster, and no totals.
    """

    format: Literal["csv", "jsonl", "xlsx"]
    title: str = ""
    columns: list[ColumnOrder] | None = None
    rows: list[dict[str, Any]] | None = None
    where: list[ConditionOrder] = []
    is_packed: bool = False
    is_plain: bool = False


class PageOrder(msgspec.Struct, frozen=True, kw_only=True, tag="pages"):
    """A table as PDF.

    Attributes:
        title: Stands above.
        subtitle: Stands below the title.
        made: When it was made, for people.
        columns: As in a table.
        rows: As in a table.
        charts: What is drawn above the table.
        landscape: Whether pages lie on their side.
        paper: Size of the pages.
    """

    title: str
    subtitle: str = ""
    made: str = ""
    columns: list[ColumnOrder] | None = None
    rows: list[dict[str, Any]] | None = None
    charts: list[ChartOrder] = []
    landscape: bool = False
    paper: str = "a4"


class DocumentOrder(msgspec.Struct, frozen=True, kw_only=True, tag="document"):
    """A document from a template.

    Attributes:
        template: Name of the template.
        variables: What it is filled with.
    """

    template: str
    variables: dict[str, Any]


Order = TableOrder | PageOrder | DocumentOrder


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line that the child writes.

    Attributes:
        kind: What it says: how far it is, that it is done, or what is wrong.
        percent: How far it is.
        message: What is wrong, as a sentence.
        read: Rows that were read.
        rows: Rows that were written.
        pages: Pages that were written.
        peak_kb: Most memory that was used, in kilobytes; 0 where nobody knows.
    """

    kind: Literal["progress", "done", "rejected", "memory"]
    percent: int = 0
    message: str = ""
    read: int = 0
    rows: int = 0
    pages: int = 0
    peak_kb: int = 0
