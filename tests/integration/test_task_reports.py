from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import threading
import time
import zipfile
from typing import TYPE_CHECKING, Any

import openpyxl
import pypdf
import pytest

from services.worker.reports import columns, making, sheets
from services.worker.reports.orders import TableOrder
from services.worker.sandbox_conversation import (
    SandboxStoppedError,
    SandboxTimeoutError,
)
from services.worker.tasks import export_data, generate_report
from shared.contracts.tasks.export_data import ExportData
from shared.contracts.tasks.generate_report import GenerateReport
from shared.errors import InvalidDataError, StoredFileTooLargeError, UnrecoverableError
from tests.support.contexts import Notebook, make_context
from tests.support.photos import is_near
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from services.worker.context import JobContext

EVIL = [
    "=1+1",
    "+1+cmd",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\uff1d1",
    "a;=b",
    '"=x"',
    "\r\n=1",
]
ROWS: list[dict[str, Any]] = [
    {"day": "2026-11-01", "shop": "North", "orders": 120, "revenue": 1234.5},
    {"day": "2026-11-02", "shop": "South", "orders": 80, "revenue": -20.25},
    {"day": "2026-11-03", "shop": None, "orders": 95, "revenue": 0.0},
]


def report(context: JobContext, /, **data: Any) -> Any:
    done = generate_report.run(
        GenerateReport.model_validate({"title": "Sales", **data}), context
    )
    return done, context.storage.read(done.file.id)


def stored(context: JobContext, content: bytes, name: str = "table.csv") -> str:
    return context.storage.put(content, name=name, content_type="text/csv").id


def export(context: JobContext, content: bytes, **data: Any) -> Any:
    order = ExportData.model_validate({"source": stored(context, content), **data})
    done = export_data.run(order, context)
    return done, context.storage.read(done.file.id)


def workbook(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).active


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


pytestmark = pytest.mark.usefixtures("work_folder")


def test_rows_become_a_csv(tmp_path: Path) -> None:
    done, content = report(make_context(tmp_path), format="csv", rows=ROWS)

    assert table(content) == [
        ["day", "shop", "orders", "revenue"],
        ["2026-11-01", "North", "120", "1234.5"],
        ["2026-11-02", "South", "80", "-20.25"],
        ["2026-11-03", "", "95", "0.0"],
    ]
    assert (done.rows, done.bytes, done.pages) == (3, len(content), 0)
    assert (done.file.name, done.file.content_type) == ("Sales.csv", "text/csv")


def test_rows_become_a_workbook_with_types_and_totals(tmp_path: Path) -> None:
    chosen = [
        {"key": "shop", "label": "Shop"},
        {"key": "orders", "label": "=Orders", "total": True},
        {"key": "day", "label": "Day"},
        {"key": "revenue", "label": "Revenue", "total": True},
    ]
    _, content = report(
        make_context(tmp_path), format="xlsx", title="=S[1]", rows=ROWS, columns=chosen
    )

    sheet = workbook(content)
    values = [[cell.value for cell in row] for row in sheet.rows]
    assert sheet.title == "=S 1"
    assert values[0] == ["Shop", "=Orders", "Day", "Revenue"]
    assert values[1][:2] == ["North", 120]
    assert f"{values[1][2]:%Y-%m-%d}" == "2026-11-01"
    assert values[4] == ["Total", 295, None, 1214.25]
    assert {cell.data_type for row in sheet.rows for cell in row} <= {"s", "n", "d"}


def test_no_cell_of_any_format_is_a_formula(tmp_path: Path) -> None:
    rows = [{"=a": evil, "b": evil} for evil in EVIL]
    context = make_context(tmp_path)
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)

    for content in (
        report(context, format="xlsx", rows=rows, title="=cmd")[1],
        export(context, lines, format="xlsx", name="=cmd")[1],
    ):
        sheet = workbook(content)
        found = [[cell.value for cell in row] for row in sheet.rows]
        assert [cell.data_type for row in sheet.rows for cell in row] == ["s"] * 20
        # A workbook's line breaks are those of XML.
        wanted = [evil.replace("\r\n", "\n") for evil in EVIL]
        texts = [
            (row[0] or "").replace("_x000D_", "").replace("\r", "") for row in found
        ]
        assert texts[1:] == wanted
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            sheets_text = parts.read("xl/worksheets/sheet1.xml")
            assert b"<f>" not in sheets_text
            assert not [name for name in parts.namelist() if "external" in name.lower()]
    for content in (
        report(context, format="csv", rows=rows)[1],
        export(context, lines, format="csv")[1],
    ):
        for row in table(content):
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))


def pdf_text(content: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages)


def test_rows_become_a_pdf_with_charts_and_totals(tmp_path: Path) -> None:
    done, content = report(
        make_context(tmp_path),
        format="pdf",
        subtitle="All shops #emph[x] $y$ <z>",
        rows=ROWS * 30,
        columns=[
            {"key": "day"},
            {"key": "shop"},
            {"key": "orders", "label": "All orders", "total": True},
        ],
        charts=[
            {"kind": "bar", "title": "Orders a day", "x": "day", "y": ["orders"]},
            {"kind": "line", "x": "day", "y": ["orders", "revenue"]},
        ],
    )

    text = pdf_text(content)
    assert done.pages == len(pypdf.PdfReader(io.BytesIO(content)).pages) > 1
    assert done.rows == 90
    for words in ("Sales", "All shops #emph[x] $y$ <z>", "Orders a day", "8,850"):
        assert words in text
    # Above the bars, above the lines, and above its column on both of its pages.
    assert text.count("All orders") == 2 + 2


def test_a_document_comes_from_its_template(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    invoice = {
        "number": "2026-0042",
        "date": "2026-11-22",
        "currency": "EUR",
        "tax": 0.2,
        "seller": {"name": "Example Shop"},
        "buyer": {"name": 'Ada #import "/etc/passwd"'},
        "items": [{"text": "Tea", "quantity": 3, "price": 411.5}],
    }

    done, content = report(context, format="pdf", template="invoice", context=invoice)

    text = pdf_text(content)
    assert done.pages == 1
    for words in ('Ada #import "/etc/passwd"', "1,234.50", "EUR 1,481.40"):
        assert words in text
    with pytest.raises(UnrecoverableError, match="can't be filled"):
        report(context, format="pdf", template="invoice", context={"number": "1"})


def test_a_pdf_looks_as_it_should(tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - needs poppler, too

    _, content = report(
        make_context(tmp_path),
        format="pdf",
        rows=ROWS,
        charts=[{"x": "day", "y": ["orders", "revenue"]}],
    )
    (tmp_path / "x.pdf").write_bytes(content)
    try:
        subprocess.run(
            ["pdftoppm", "-r", "40", "-png", tmp_path / "x.pdf", tmp_path / "x"],  # noqa: S607
            check=True,
        )
    except FileNotFoundError:
        if os.environ.get("CI"):
            raise
        pytest.skip("pdftoppm is missing: run 'make test-tools'")
    page = Image.open(tmp_path / "x-1.png").convert("RGB")
    colours = {colour for _, colour in page.getcolors(1_000_000)}  # type: ignore[union-attr]
    for wanted in ((47, 91, 208), (224, 122, 63), (255, 255, 255)):
        assert any(is_near(colour, wanted) for colour in colours)


@pytest.mark.parametrize(
    ("breach", "reason"),
    [
        ({}, "exactly one of rows"),
        ({"rows": [], "source": "38g4c82tt2rt3dgycs4m"}, "exactly one of rows"),
        ({"rows": [], "charts": [{"x": "a", "y": ["b"]}]}, "need format 'pdf'"),
        ({"template": "invoice"}, "need format 'pdf'"),
        ({"rows": [], "columns": [{"key": "a"}, {"key": "a"}]}, "a key twice"),
    ],
)
def test_a_senseless_report_is_refused(breach: dict[str, Any], reason: str) -> None:
    order = {"format": "csv", "title": "x", **breach}
    with pytest.raises(InvalidDataError, match=reason):
        GenerateReport.parse(json.dumps(order).encode())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff\xfea\0b\0", "neither CSV nor JSON lines"),
        (b"a,b\n1,\xff\n", "not in UTF-8"),
        (b"a,a\n1,2\n", "name every column"),
        (b"a,b\n1,2,3\n", "Row 2 has 3 cells"),
        (b'a,b\n"1,2\n', "damaged near row"),
        (b'{"a":1}\n[1]\n', "Line 2 is not a JSON object"),
        (b'{"a":' + b"[" * 100_000, "Line 1 is not a JSON object"),
        (b'{"a":"' + b"x" * 1_100_000 + b'"}', "more than 1,000,000 bytes"),
        (b"a" * 2_000_000, "damaged near row"),
    ],
    ids=range(10),
)
def test_a_bad_file_fails_for_good_with_a_clear_sentence(
    tmp_path: Path, work_folder: Path, content: bytes, reason: str
) -> None:
    context = make_context(tmp_path)

    with pytest.raises(UnrecoverableError, match=reason):
        export(context, content)

    assert list(work_folder.iterdir()) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    context = make_context(tmp_path)

    with pytest.raises(UnrecoverableError, match="upload the table first"):
        report(context, format="csv", source="0" * 20)
    with pytest.raises(UnrecoverableError, match="upload the table first"):
        export_data.run(ExportData(source="0" * 20), context)
    with pytest.raises(UnrecoverableError, match="no column 'x'; there are a, b"):
        export(context, b"a,b\n1,2\n", columns=[{"key": "x"}])
    with pytest.raises(UnrecoverableError, match="takes 5,000 rows"):
        report(
            context,
            format="pdf",
            source=stored(context, b"a\n" + b"1\n" * 5_001),
        )


def test_a_file_is_filtered_renamed_and_packed(tmp_path: Path) -> None:
    content = "\ufeffid;name;amount\r\n1;Zoë;5\r\n2;Bo;50\r\n3;=x;500\r\n".encode()
    context = make_context(tmp_path)
    order: dict[str, Any] = {
        "columns": [{"key": "name", "label": "Who"}, {"key": "amount"}],
        "where": [{"column": "amount", "test": "ge", "value": 50}],
    }

    done, packed = export(context, content, compress="gzip", **order)
    lines, text = export(context, content, format="jsonl", name="people", **order)

    assert table(gzip.decompress(packed)) == [
        ["Who", "amount"],
        ["Bo", "50"],
        ["'=x", "500"],
    ]
    assert (done.rows_read, done.rows) == (3, 2)
    assert done.file.name == "table.csv.gz"
    assert done.file.content_type == "application/gzip"
    assert [json.loads(line) for line in text.splitlines()] == [
        {"Who": "Bo", "amount": 50},
        {"Who": "=x", "amount": 500},
    ]
    assert lines.file.name == "people.jsonl"


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    context = make_context(tmp_path)

    assert table(export(context, b"a,b\n")[1]) in ([[]], [])
    chosen = [{"key": "a"}]
    assert table(export(context, b"a,b\n", columns=chosen)[1]) == [["a"]]
    sheet = workbook(export(context, b"a,b\n", format="xlsx", columns=chosen)[1])
    assert [cell.value for cell in sheet[1]] == ["a"]
    _, page = report(context, format="pdf", rows=[])
    assert "There are no rows." in pdf_text(page)


AWKWARD = [
    *EVIL,
    "plain",
    "é😀\u200d",
    " spaces ",
    "line\nbreak",
    "tab\tin",
    "a\x01b\x1f",
    "_x0041_",
    "x" * 40_000,
    "http://example.com",
    "007",
    "TRUE",
    "1e5",
    "2026-13-45",
    "'quoted",
    0,
    -7,
    2**53,
    2**60,
    1.5,
    0.1 + 0.2,
    -1e300,
    True,
    False,
    None,
    "",
    "1899-12-31",
    "2028-02-29",
    "2028-02-29T12:30:15",
    "2028-02-29T12:30:15.250000+02:00",
]


def shown(value: object) -> object:
    # The safe writer keeps 16 digits, the fast one all 17; a spreadsheet shows 15.
    return f"{value:.15G}" if isinstance(value, float | int) else value


def test_the_fast_writer_gives_the_cells_of_the_safe_one(tmp_path: Path) -> None:
    kinds = ("text", "integer", "number", "boolean", "date", "datetime")
    chosen = [columns.Column(kind, kind, kind) for kind in kinds]
    rows = [
        [sheets.cells.converted(value, kind) for kind in kinds] for value in AWKWARD
    ]
    sheets.write_plain(tmp_path / "fast.xlsx", chosen, rows, title="T")
    sheets.write(tmp_path / "safe.xlsx", chosen, rows, title="T", is_plain=True)

    fast, safe = (
        [
            [(cell.data_type, shown(cell.value), cell.number_format) for cell in row]
            for row in openpyxl.load_workbook(tmp_path / name).active.rows
        ]
        for name in ("fast.xlsx", "safe.xlsx")
    )

    assert fast == safe
    assert len(fast) == len(AWKWARD) + 1


def seconds_to_stop(
    work: Callable[[JobContext], object], folder: Path, notebook: Notebook
) -> float:
    """Tell a job to stop as soon as it reports progress; return how long it took."""
    context = make_context(folder, notebook=notebook, timeout_s=100)
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work(context)
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: notebook.reports, within_s=30)
    notebook.is_cancelled = True
    stopped = time.monotonic()
    thread.join(timeout=30)
    [failure] = failures
    assert isinstance(failure, SandboxStoppedError)
    return time.monotonic() - stopped


def test_a_cancelled_export_ends_within_two_seconds(
    tmp_path: Path, work_folder: Path
) -> None:
    content = b"id,name\n" + b"1,somebody\n" * 2_000_000

    taken_s = seconds_to_stop(
        lambda context: export(context, content, format="xlsx"), tmp_path, Notebook()
    )

    assert taken_s < 2
    assert list(work_folder.iterdir()) == []


def test_a_report_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    context = make_context(tmp_path, timeout_s=0.1)
    content = b"id,name\n" + b"1,somebody\n" * 1_000_000
    source = stored(context, content)
    started = time.monotonic()

    with pytest.raises(SandboxTimeoutError):
        export_data.run(ExportData(source=source), context)

    assert time.monotonic() - started < 2.6


def test_a_report_without_memory_or_room_fails_clearly(
    tmp_path: Path, work_folder: Path
) -> None:
    context = make_context(tmp_path / "files", max_file_bytes=100_000)
    rows = [{"a": "x" * 1000}] * 9_000

    with pytest.raises(UnrecoverableError, match=r"200 MB of memory|crash"):
        making.make(
            TableOrder(format="csv", rows=rows * 10),
            name="x.csv",
            context=context,
            limits=making.Limits(memory_mb=200),
        )
    with pytest.raises(StoredFileTooLargeError):
        making.make(TableOrder(format="csv", rows=rows), name="x.csv", context=context)
    assert sum(len(files) for _, _, files in os.walk(tmp_path / "files")) == 0
    assert list(work_folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("image_format", ["csv", "jsonl", "xlsx"])
def test_a_million_rows_take_no_more_memory_than_a_few(
    tmp_path: Path, image_format: Any
) -> None:
    # JSON lines repeat the names: a million of them are more than the usual 100 MB.
    context = make_context(tmp_path, timeout_s=600, max_file_bytes=400 * 1024 * 1024)
    peaks = []
    for count in (10_000, 1_000_000):
        lines = (
            f"{number},customer {number},{number * 1.25},2026-11-{1 + number % 28:02d},"
            f"a text of some length {number % 97}\n".encode()
            for number in range(count)
        )
        source = context.storage.put(
            iter([b"id,name,amount,day,text\n", *lines]),
            name="big.csv",
            content_type="text/csv",
        )
        started = time.monotonic()
        made = making.make(
            TableOrder(format=image_format, title="Big", is_plain=True),
            name=f"big.{image_format}",
            context=context,
            source_id=source.id,
            limits=making.Limits(cpu_s=600),
        )
        taken_s = time.monotonic() - started
        print(f"{image_format}: {count} rows, {taken_s:.1f} s, {made.said.peak_kb} KB")  # noqa: T201 - a measurement
        assert made.said.rows == count
        peaks.append(made.said.peak_kb)

    # The child's own figure, not one that it inherits from this process.
    assert 0 < peaks[0] < 150 * 1024
    assert peaks[1] - peaks[0] < 64 * 1024
