"""Reads rows that nobody has checked: CSV, JSON lines, or given with the order."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import msgspec

from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Longest line of a file, in characters or bytes.
MAX_LINE = 1_000_000
MAX_COLUMNS = 500
#: Rows that are looked at to find out what the columns are.
SAMPLE_ROWS = 1_000
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """Rows that pass one by one.

    Attributes:
        keys: Names of the columns.
        sample: The first rows, once more.
        rows: All rows; a row lacks what it doesn't have.
    """

    keys: list[str]
    sample: list[dict[str, Any]]
    rows: Iterator[dict[str, Any]]


def from_rows(rows: Iterable[dict[str, Any]]) -> Table:
    """Return rows as a table; its columns are all of the first rows."""
    coming = iter(rows)
    sample = list(itertools.islice(coming, SAMPLE_ROWS))
    keys = list(dict.fromkeys(key for row in sample for key in row))
    if len(keys) > MAX_COLUMNS:
        message = f"A table may have {MAX_COLUMNS} columns at most."
        raise Rejection(message)
    return Table(keys, sample, itertools.chain(sample, coming))


def from_file(path: Path) -> Table:
    """Return a file as a table.

    Raises:
        Rejection: When it is neither CSV nor JSON lines, or damaged; also while rows
            are taken.
    """
    with path.open("rb") as file:
        start = file.read(4096).lstrip(b"\xef\xbb\xbf").lstrip()
    if not start:
        message = "The file is empty."
        raise Rejection(message)
    if b"\0" in start:
        message = "The file is neither CSV nor JSON lines."
        raise Rejection(message)
    return from_rows(_json_rows(path) if start.startswith(b"{") else _csv_rows(path))


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            if not line.strip():
                continue
            try:
                row = decoder.decode(line.lstrip(b"\xef\xbb\xbf"))
            except (msgspec.MsgspecError, RecursionError, UnicodeError):
                message = f"Line {number:,} is not a JSON object."
                raise Rejection(message) from None
            yield {key: _flat(value) for key, value in row.items()}


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            message = f"A line has more than {MAX_LINE:,} bytes."
            raise Rejection(message)
        yield line


def _flat(value: Any) -> Any:
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    return value


def _csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(MAX_LINE)
    with path.open(encoding="utf-8-sig", newline="") as file:
        number = 0
        try:
            heading_line = file.readline(MAX_LINE)
            file.seek(0)
            rows = csv.reader(file, delimiter=_separator(heading_line), strict=True)
            heading = _checked_heading(next(rows))
            for number, cells in enumerate(rows, start=2):
                if len(cells) > len(heading):
                    message = (
                        f"Row {number:,} has {len(cells)} cells, "
                        f"the heading only {len(heading)}."
                    )
                    raise Rejection(message)
                if cells:
                    yield dict(zip(heading, cells, strict=False))
        except UnicodeDecodeError:
            message = "The file is not in UTF-8."
            raise Rejection(message) from None
        except csv.Error as error:
            message = f"The CSV is damaged near row {number + 1:,}: {error}."
            raise Rejection(message) from None


def _separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _checked_heading(cells: list[str]) -> list[str]:
    heading = [cell.strip() for cell in cells]
    if len(set(heading)) != len(heading) or "" in heading:
        message = "The heading line must name every column, each another way."
        raise Rejection(message)
    return heading
