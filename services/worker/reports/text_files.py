"""Writes CSV and JSON lines."""

from __future__ import annotations

import csv
import gzip
import io
from typing import IO, TYPE_CHECKING

import msgspec

from services.worker.reports import cells
from services.worker.reports import columns as columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from services.worker.reports.cells import Value
    from services.worker.reports.columns import Column


def write_csv(
    path: Path, columns: Sequence[Column], rows: Iterable[list[Value]], *, packed: bool
) -> None:
    """Write a heading line and one line per row; no cell is a formula."""
    with (
        _opened(path, packed=packed) as raw,
        io.TextIOWrapper(raw, encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([cells.without_formula(column.label) for column in columns])
        writer.writerows([cells.as_text(value) for value in row] for row in rows)


def write_json_lines(
    path: Path, columns: Sequence[Column], rows: Iterable[list[Value]], *, packed: bool
) -> None:
    """Write one object per row."""
    labels = columns_of.labels(columns)
    encoder = msgspec.json.Encoder()
    with _opened(path, packed=packed) as file:
        for row in rows:
            file.write(encoder.encode(dict(zip(labels, row, strict=True))) + b"\n")


def _opened(path: Path, *, packed: bool) -> IO[bytes]:
    if packed:
        # No name and no time inside: equal rows give equal files.
        return gzip.GzipFile(path, "wb", compresslevel=6, mtime=0)  # type: ignore[return-value]  # an IO[bytes] but for its base
    return path.open("wb")
