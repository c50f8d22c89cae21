"""`export-data`: a large stored table, filtered and in another format."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileId, FileReference
from shared.contracts.retry import Backoff
from shared.contracts.tables import Cell, ColumnName, Columns


class Condition(Model):
    """What a row must fulfil.

    Attributes:
        column: Which cell is looked at.
        test: How: `eq`, `ne`, `lt`, `le`, `gt` and `ge` compare, numbers as numbers
            and dates as dates; `contains` looks for a part of a text; `empty` and
            `filled` ask whether there is anything.
        value: What the cell is compared with.
    """

    column: ColumnName
    test: Literal["eq", "ne", "lt", "le", "gt", "ge", "contains", "empty", "filled"]
    value: Cell = None

    @model_validator(mode="after")
    def _a_comparison_needs_a_value(self) -> Condition:
        if self.value is None and self.test not in ("empty", "filled"):
            message = f"test '{self.test}' needs a value"
            raise ValueError(message)
        return self


class ExportData(Model):
    """Which rows of which file, in which format.

    Rows pass one by one: a million of them take no more memory than a thousand. Text
    that a spreadsheet would take for a formula stays text.

    Attributes:
        source: Id of a stored CSV file with a heading line, or of a JSON lines file.
        format: Format of the export; XLSX holds 1,048,575 rows.
        columns: Which columns, in which order; left out, all of the first rows.
        where: What a row must fulfil; every condition.
        compress: Whether a CSV or JSON lines file is packed with gzip.
        name: Name of the file; left out, the source's.
    """

    source: FileId
    format: Literal["csv", "jsonl", "xlsx"] = "csv"
    columns: Annotated[Columns, Field(max_length=200)] | None = None
    where: list[Condition] = Field(default=[], max_length=20)
    compress: Literal["none", "gzip"] = "none"
    name: ColumnName | None = None

    @model_validator(mode="after")
    def _xlsx_is_packed_already(self) -> ExportData:
        if self.format == "xlsx" and self.compress != "none":
            message = "an XLSX file is packed already; leave compress out"
            raise ValueError(message)
        return self


class DataExported(Model):
    """The export.

    Attributes:
        file: Where it is stored.
        rows_read: Rows of the source.
        rows: Rows of the export.
        bytes: Size.
    """

    file: FileReference
    rows_read: int
    rows: int
    bytes: int


CONTRACT = TaskContract(
    name="export-data",
    queue="report",
    summary="Exports a large stored table as CSV, JSON lines or XLSX, row by row.",
    data=ExportData,
    result=DataExported,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=5_000, jitter=0.2),
        timeout_ms=600_000,
    ),
    idempotent_by="What it reads never changes; a second run stores an equal export.",
)
