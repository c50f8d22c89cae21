from __future__ import annotations

import csv
import doctest
import io
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.reports import cells, filtering, making, sheets
from services.worker.reports.orders import ConditionOrder


@pytest.mark.parametrize("module", [cells, making, sheets])
def test_the_examples_in_the_code_are_true(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("\n=1", "'\n'=1"),
        ("a;=1", "a;'=1"),
        ("a\n=1", "a\n'=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-5", "-5"),
        ("+5.25", "+5.25"),
        ("-1,234.50", "-1,234.50"),
        ("-12%", "-12%"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_text_never_becomes_a_formula(text: str, safe: str) -> None:
    assert cells.without_formula(text) == safe


@given(st.text(alphabet="=+-@;,\t\r\n'\"a1\uff1d\uff0b %", max_size=12))
def test_no_separator_of_any_country_makes_a_formula(text: str) -> None:
    written = io.StringIO()
    csv.writer(written).writerow(["x", cells.without_formula(text), "y"])

    for separator in ",;\t":
        # Every kind of line break ends a row for some spreadsheet.
        text = written.getvalue().replace("\r", "\n")
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            for cell in row:
                is_number = cells._ANY_NUMBER.fullmatch(cell.strip(" \"'"))
                assert is_number or not cell.startswith(("=", "+", "-", "@", "\uff1d"))


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", "integer", 12),
        ("007", "integer", "007"),
        ("1.50", "number", 1.5),
        ("1e5", "number", "1e5"),
        ("2026-02-29", "date", "2026-02-29"),
        ("2028-02-29", "date", date(2028, 2, 29)),
        ("2026-01-01T10:00:00+02:00", "datetime", datetime(2026, 1, 1, 8)),  # noqa: DTZ001 - a sheet's time
        ("TRUE", "boolean", True),
        ("", "text", None),
        (5, "text", "5"),
        (True, "integer", True),
    ],
)
def test_a_cell_becomes_what_its_column_holds(
    value: Any, kind: Any, expected: Any
) -> None:
    found = cells.converted(value, kind)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2"], "integer"),
        (["1", "2.5"], "number"),
        (["1", "x"], "text"),
        (["0123", "4"], "text"),
        (["2026-01-01", ""], "date"),
        ([None, ""], "text"),
        ([True, False], "boolean"),
        ([1, 2.5], "number"),
    ],
)
def test_a_column_s_kind_is_found_out(values: list[Any], kind: str) -> None:
    assert cells.kind_of(values) == kind


@pytest.mark.parametrize(
    ("test", "value", "cell", "expected"),
    [
        ("eq", 5, "5", True),
        ("eq", "5", 5.0, True),
        ("ne", "a", "b", True),
        ("ne", 1, "b", True),
        ("lt", 10, "9", True),
        ("lt", "10", 9, True),
        ("gt", 10, "nine", False),
        ("ge", "2026-01-02", "2026-01-10", True),
        ("contains", "ell", "hello", True),
        ("empty", None, "", True),
        ("empty", None, None, True),
        ("filled", None, 0, True),
        ("eq", True, True, True),
        ("lt", 1, None, False),
    ],
)
def test_a_condition_compares_like_with_like(
    test: str, value: Any, cell: Any, expected: Any
) -> None:
    fulfils = filtering.predicate(ConditionOrder(column="a", test=test, value=value))

    assert fulfils({"a": cell}) is expected
