"""Makes one report in a process of its own; see `making.py` for the other side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from services.worker.reports import (
    cells,
    columns,
    filtering,
    pages,
    reading,
    sheets,
    text_files,
)
from services.worker.reports.orders import (
    ORDER_FILE,
    RESULT_FILE,
    SOURCE_FILE,
    DocumentOrder,
    Order,
    PageOrder,
    Said,
    TableOrder,
)
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.worker.reports.cells import Value
    from services.worker.reports.reading import Table

#: Rows between two reports of progress.
_STEP = 5_000


def main() -> None:
    """Do the order in the present folder, and say how it went."""
    folder = Path.cwd()
    try:
        order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=Order)
        said = _done(order, folder)
    except Rejection as rejection:
        said = Said(kind="rejected", message=str(rejection))
    except MemoryError:
        said = Said(kind="memory")
    _say(said)


def _done(order: Order, folder: Path) -> Said:
    result = folder / RESULT_FILE
    match order:
        case TableOrder():
            passing = _Passing(order, _table(order.rows, folder), folder)
            passing.write(result)
            return _counted(read=passing.read, rows=passing.taken)
        case PageOrder():
            rows = pages.write_table(folder, order, _table(order.rows, folder), result)
            return _counted(read=rows, rows=rows, pages=pages.count(result))
        case DocumentOrder():
            pages.write_document(folder, order, result)
            return _counted(read=0, rows=0, pages=pages.count(result))


def _table(rows: list[dict[str, Any]] | None, folder: Path) -> Table:
    if rows is None:
        return reading.from_file(folder / SOURCE_FILE)
    return reading.from_rows(rows)


def _counted(*, read: int, rows: int, pages: int = 0) -> Said:
    return Said(kind="done", read=read, rows=rows, pages=pages, peak_kb=_peak_kb())


def _peak_kb() -> int:
    # Not getrusage: a child begins with its parent's peak there, the kernel's own
    # figure begins anew with the program.
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next(
        (int(line.split()[1]) for line in text.splitlines() if "VmHWM" in line), 0
    )


class _Passing:
    """Rows on their way from the source to the result, counted."""

    def __init__(self, order: TableOrder, table: Table, folder: Path) -> None:
        self.read = self.taken = 0
        self._order = order
        self._table = table
        self._columns = columns.of(table, order.columns)
        self._conditions = [filtering.predicate(one) for one in order.where]
        self._estimate = _estimate(table, folder / SOURCE_FILE)

    def write(self, result: Path) -> None:
        order, chosen, rows = self._order, self._columns, self._rows()
        match order.format:
            case "csv":
                text_files.write_csv(result, chosen, rows, packed=order.is_packed)
            case "jsonl":
                text_files.write_json_lines(
                    result, chosen, rows, packed=order.is_packed
                )
            case "xlsx" if order.is_plain:
                sheets.write_plain(result, chosen, rows, title=order.title)
            case "xlsx":
                sheets.write(result, chosen, rows, title=order.title)

    def _rows(self) -> Iterator[list[Value]]:
        chosen = [(column.key, column.kind) for column in self._columns]
        for row in self._fitting(self._table.rows):
            yield [cells.converted(row.get(key), kind) for key, kind in chosen]

    def _fitting(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in rows:
            self.read += 1
            if self.read % _STEP == 0:
                percent = min(99, 100 * self.read // self._estimate)
                _say(Said(kind="progress", percent=percent, read=self.read))
            if all(fulfils(row) for fulfils in self._conditions):
                self.taken += 1
                yield row


def _estimate(table: Table, source: Path) -> int:
    """Guess the number of rows from the size of the first ones."""
    if not source.exists() or not table.sample:
        return max(1, len(table.sample))
    with source.open("rb") as file:
        is_json = file.read(1) == b"{"
    sample = sum(
        len(msgspec.json.encode(row)) + 1
        if is_json
        else sum(len(str(value)) + 1 for value in row.values())
        for row in table.sample
    )
    return max(1, source.stat().st_size * len(table.sample) // max(1, sample))


def _say(said: Said) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()
