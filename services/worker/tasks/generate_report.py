"""Makes a report, in a child process."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.worker.reports import making
from services.worker.reports.from_contract import column_orders
from services.worker.reports.orders import (
    ChartOrder,
    DocumentOrder,
    Order,
    PageOrder,
    TableOrder,
)
from shared.contracts.tasks.generate_report import GenerateReport, ReportGenerated

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: GenerateReport, context: JobContext) -> ReportGenerated:
    """Make the report and store it."""
    made = making.make(
        _order(data, context),
        name=making.file_name(data.title, data.format),
        context=context,
        source_id=data.source,
    )
    return ReportGenerated(
        file=made.file, rows=made.said.rows, pages=made.said.pages, bytes=made.file.size
    )


def _order(data: GenerateReport, context: JobContext) -> Order:
    rows = None if data.rows is None else [dict(row) for row in data.rows]
    columns = column_orders(data.columns)
    if data.template is not None:
        variables = {"title": data.title, "paper": data.paper, **data.context}
        return DocumentOrder(template=data.template, variables=variables)
    if data.format != "pdf":
        return TableOrder(
            format=data.format, title=data.title, columns=columns, rows=rows
        )
    made = datetime.fromtimestamp(context.created_ms / 1000, UTC)
    return PageOrder(
        title=data.title,
        subtitle=data.subtitle,
        made=f"{made:%d %B %Y, %H:%M} UTC",
        columns=columns,
        rows=rows,
        charts=[
            ChartOrder(kind=chart.kind, title=chart.title, x=chart.x, y=chart.y)
            for chart in data.charts
        ],
        landscape=data.landscape,
        paper=data.paper,
    )
