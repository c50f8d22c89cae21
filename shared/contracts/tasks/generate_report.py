"""`generate-report`: a table or a document, as CSV, XLSX or PDF."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileId, FileReference
from shared.contracts.retry import Backoff
from shared.contracts.tables import Caption, Cell, Chart, ColumnName, Columns

#: The files `<template>.typ` in services/worker/templates/reports that a job may name.
Template = Literal["invoice"]

VariableName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]{0,63}$", strict=True)
]


class GenerateReport(Model):
    """What the report is made of, and in which format.

    It comes from rows, from a stored file, or from a template; exactly one of them.
    Text that a spreadsheet would take for a formula stays text.

    Attributes:
        format: Format of the report.
        title: Stands above it and names its file.
        subtitle: Stands below the title of a PDF.
        rows: The table itself, one object per row.
        source: Id of a stored CSV file with a heading line, or of a JSON lines file.
        template: Name of a document; PDF only.
        context: The template's variables, by name.
        columns: Which columns, in which order; left out, all of the first rows.
        charts: Charts above the table of a PDF.
        landscape: Whether a PDF's pages lie on their side.
        paper: Size of a PDF's pages.
    """

    format: Literal["csv", "xlsx", "pdf"]
    title: Annotated[Caption, Field(min_length=1)]
    subtitle: Caption = ""
    rows: list[dict[ColumnName, Cell]] | None = Field(default=None, max_length=10_000)
    source: FileId | None = None
    template: Template | None = None
    context: dict[VariableName, JsonValue] = Field(default={}, max_length=100)
    columns: Annotated[Columns, Field(max_length=100)] | None = None
    charts: list[Chart] = Field(default=[], max_length=6)
    landscape: bool = False
    paper: Literal["a4", "us-letter"] = "a4"

    @model_validator(mode="after")
    def _from_one_place(self) -> GenerateReport:
        places = (self.rows, self.source, self.template)
        if sum(place is not None for place in places) != 1:
            message = "needs exactly one of rows, source and template"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _only_pages_have_pictures(self) -> GenerateReport:
        if self.format != "pdf" and (self.template or self.charts):
            message = "template and charts need format 'pdf'"
            raise ValueError(message)
        return self


class ReportGenerated(Model):
    """The report.

    Attributes:
        file: Where it is stored.
        rows: Rows of its table, without heading and total.
        pages: Pages of a PDF; 0 for other formats.
        bytes: Size.
    """

    file: FileReference
    rows: int
    pages: int = 0
    bytes: int


CONTRACT = TaskContract(
    name="generate-report",
    queue="report",
    summary="Makes a CSV, XLSX or PDF report from rows, a stored file or a template.",
    data=GenerateReport,
    result=ReportGenerated,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=2_000, jitter=0.2),
        timeout_ms=120_000,
    ),
    idempotent_by="What it reads never changes; a second run stores an equal report.",
)
