"""Writes XLSX workbooks; text stays text, whatever it looks like."""

from __future__ import annotations

import itertools
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import rustpy_xlsxwriter as fast
import xlsxwriter

from services.worker.reports import cells
from services.worker.reports import columns as columns_of
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from services.worker.reports.cells import Value
    from services.worker.reports.columns import Column

#: Most rows of a sheet beside its heading.
MAX_ROWS = 1_048_575
_LONGEST_NAME = 31
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_FORMATS = {
    "integer": "#,##0",
    "number": "#,##0.00",
    "percent": "0.0%",
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
}
_WIDTHS = {"date": 12, "datetime": 20, "text": 28, "boolean": 10}
_HEAD = {"bold": True, "bg_color": "#22304a", "font_color": "#ffffff"}
_TOTAL = {"bold": True, "top": 1}


def sheet_name(title: str) -> str:
    """Return a name that a sheet may have.

    >>> sheet_name("Q1/Q2: [all]"), sheet_name("''")
    ('Q1 Q2   all', 'Sheet1')
    """
    name = _FORBIDDEN.sub(" ", title).strip().strip("'")[:_LONGEST_NAME].strip("' ")
    return name if name and name.lower() != "history" else "Sheet1"


def write_plain(
    path: Path, columns: Sequence[Column], rows: Iterable[list[Value]], *, title: str
) -> None:
    """Write values only, as fast as it goes.

    Raises:
        Rejection: When there are too many rows.
    """
    labels = columns_of.labels(columns)
    refused: list[Rejection] = []

    def records() -> Iterator[dict[str, Any]]:
        try:
            for row in _bounded(rows):
                values = map(cells.for_sheet, row)
                yield dict(zip(labels, values, strict=True))
        except Rejection as rejection:
            # The writer would wrap it; it is raised again when the writer is out.
            refused.append(rejection)
            raise

    coming = records()
    first = next(coming, None)
    if first is None:
        # The fast writer takes the heading from the first row.
        write(path, columns, (), title=title, is_plain=True)
        return
    try:
        fast.write_worksheet(
            itertools.chain((first,), coming),
            str(path),
            sheet_name=sheet_name(title),
            freeze_row=1,
            header_format=fast.Format().set_bold(),
            column_formats=_date_formats(columns, labels),
        )
    except Exception:
        if refused:
            raise refused[0] from None
        raise


def _date_formats(
    columns: Sequence[Column], labels: Sequence[str]
) -> dict[str, fast.Format]:
    return {
        label: fast.Format().set_num_format(_FORMATS[column.kind])
        for column, label in zip(columns, labels, strict=True)
        if column.kind in ("date", "datetime")
    }


def write(
    path: Path,
    columns: Sequence[Column],
    rows: Iterable[list[Value]],
    *,
    title: str,
    is_plain: bool = False,
) -> None:
    """Write a table that is good to look at.

    Raises:
        Rejection: When there are too many rows.
    """
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet(sheet_name(title))
        head = book.add_format({"bold": True} if is_plain else _HEAD)
        formats = [_format(book, column.kind, is_plain=is_plain) for column in columns]
        for place, (column, form) in enumerate(zip(columns, formats, strict=True)):
            if not is_plain:
                sheet.set_column(place, place, _width(column), form)
        sheet.freeze_panes(1, 0)
        for place, label in enumerate(columns_of.labels(columns)):
            sheet.write_string(0, place, label, head)
        sums: list[float] = [0] * len(columns)
        last = 0
        for last, row in enumerate(_bounded(rows), start=1):
            for place, value in enumerate(row):
                _write_cell(sheet, last, place, value, formats[place])
                if isinstance(value, int | float) and not isinstance(value, bool):
                    sums[place] += value
        if is_plain or not columns:
            return
        sheet.autofilter(0, 0, last, len(columns) - 1)
        _write_totals(book, sheet, last + 1, columns, sums)


def _write_cell(sheet: Any, row: int, place: int, value: Value, form: Any) -> None:
    match cells.for_sheet(value):
        case None:
            return
        case bool() as known:
            sheet.write_boolean(row, place, known, form)
        case str() as known:
            sheet.write_string(row, place, known, form)
        case int() | float() as known:
            sheet.write_number(row, place, known, form)
        case date() as known:
            sheet.write_datetime(row, place, known, form)


def _write_totals(
    book: Any, sheet: Any, row: int, columns: Sequence[Column], sums: Sequence[float]
) -> None:
    if not any(column.has_total for column in columns):
        return
    bold = book.add_format(_TOTAL)
    if not columns[0].has_total:
        sheet.write_string(row, 0, "Total", bold)
    for place, column in enumerate(columns):
        if column.has_total:
            form = book.add_format(
                {**_TOTAL, "num_format": _FORMATS.get(column.kind, "General")}
            )
            sheet.write_number(row, place, sums[place], form)


def _format(book: Any, kind: str, *, is_plain: bool) -> Any:
    # Numbers of a plain table stay as they are; a date without a form is a number.
    wanted = kind in ("date", "datetime") if is_plain else kind in _FORMATS
    return book.add_format({"num_format": _FORMATS[kind]}) if wanted else None


def _width(column: Column) -> int:
    return max(len(column.label) + 4, _WIDTHS.get(column.kind, 14))


def _bounded(rows: Iterable[list[Value]]) -> Iterator[list[Value]]:
    for number, row in enumerate(rows):
        if number == MAX_ROWS:
            message = f"An XLSX sheet holds {MAX_ROWS:,} rows; use csv."
            raise Rejection(message)
        yield row
