"""Typesets PDFs with Typst, from templates of ours and data that stays data."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typst

from services.worker.reports import cells, columns
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.worker.reports.columns import Column
    from services.worker.reports.orders import ChartOrder, DocumentOrder, PageOrder
    from services.worker.reports.reading import Table

TEMPLATES = Path(__file__).parents[1] / "templates" / "reports"
#: Most rows and cells of a PDF: each one is set, and read by people.
MAX_ROWS, MAX_CELLS = 5_000, 40_000
#: Most rows of a table whose cells a screen reader can tell apart.
_MOST_TAGGED_ROWS = 500
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
#: Most groups of a chart.
MAX_GROUPS = 60


def write_table(folder: Path, order: PageOrder, table: Table, result: Path) -> int:
    """Typeset a table with its charts; returns the number of rows.

    Raises:
        Rejection: When there are too many rows or a column is missing.
    """
    chosen = columns.of(table, order.columns)
    rows: list[dict[str, Any]] = []
    for row in table.rows:
        rows.append(row)
        if len(rows) > MAX_ROWS or len(rows) * len(chosen) > MAX_CELLS:
            message = (
                f"A PDF takes {MAX_ROWS:,} rows and {MAX_CELLS:,} cells at most; "
                "use xlsx or csv."
            )
            raise Rejection(message)
    labels = {column.key: column.label for column in chosen}
    shown = {
        "title": order.title,
        "subtitle": order.subtitle,
        "made": order.made,
        "paper": order.paper,
        "landscape": order.landscape,
        "columns": [
            {"label": column.label, "right": column.is_number} for column in chosen
        ],
        "rows": [
            [
                cells.for_people(cells.converted(row.get(c.key), c.kind), c.kind)
                for c in chosen
            ]
            for row in rows
        ],
        "totals": _totals(chosen, rows),
        "charts": [
            _chart(chart, {**{k: k for k in table.keys}, **labels}, rows)
            for chart in order.charts
        ],
    }
    typeset(folder, "table", shown, result)
    return len(rows)


def write_document(folder: Path, order: DocumentOrder, result: Path) -> None:
    """Typeset a document from its template.

    Raises:
        Rejection: When the template can't be filled.
    """
    typeset(folder, order.template, order.variables, result)


def typeset(
    folder: Path, template: str, variables: dict[str, Any], result: Path
) -> None:
    """Fill a template and write the PDF.

    The compiler sees the templates and the data, and no other file.

    Raises:
        Rejection: When the template can't be filled.
    """
    root = folder / "pages"
    shutil.copytree(TEMPLATES, root)
    (root / "data.json").write_bytes(msgspec.json.encode(variables))
    nowhere = str(root / "no-packages")
    try:
        typst.compile(
            str(root / f"{template}.typ"),
            output=str(result),
            root=str(root),
            format="pdf",
            package_path=nowhere,
            package_cache_path=nowhere,
            # Two to three times the size, and no reader of a table misses them.
            pdf_tags=len(variables.get("rows", ())) <= _MOST_TAGGED_ROWS,
        )
    except typst.TypstError as error:
        message = f"The template {template!r} can't be filled: {error.message}."
        raise Rejection(message) from None


def count(result: Path) -> int:
    """Return the number of pages that were typeset."""
    return len(_PAGE.findall(result.read_bytes()))


def _totals(chosen: Sequence[Column], rows: Sequence[dict[str, Any]]) -> list[str]:
    if not any(column.has_total for column in chosen):
        return []
    totals = [
        cells.for_people(sum(_numbers(rows, column.key)), column.kind)
        if column.has_total
        else ""
        for column in chosen
    ]
    return totals if chosen[0].has_total else ["Total", *totals[1:]]


def _numbers(rows: Sequence[dict[str, Any]], key: str) -> list[float]:
    values = (cells.converted(row.get(key), "number") for row in rows)
    return [
        value
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def _chart(
    chart: ChartOrder, labels: Mapping[str, str], rows: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    for key in (chart.x, *chart.y):
        if key not in labels and rows:
            message = f"The chart's column {key!r} does not exist."
            raise Rejection(message)
    shown = rows[:MAX_GROUPS]
    return {
        "kind": chart.kind,
        "title": chart.title,
        "groups": [str(row.get(chart.x) or "") for row in shown],
        "series": [
            {
                "name": labels.get(key, key),
                "values": [_number(row.get(key)) for row in shown],
            }
            for key in chart.y
        ],
        "note": (
            f"The first {MAX_GROUPS} of {len(rows):,} rows."
            if len(rows) > MAX_GROUPS
            else ""
        ),
    }


def _number(value: Any) -> float:
    [number] = _numbers([{"": value}], "") or [0.0]
    return float(number)
