"""Values of cells: from text, and back without becoming formulas."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.worker.reports.orders import CellType

Value = str | int | float | bool | date | datetime | None

_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
_ANY_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
#: What a text may stand for; the first that fits counts.
_GUESSES: tuple[CellType, ...] = ("integer", "number", "boolean", "date", "datetime")
#: What makes a spreadsheet take a cell, or what follows a separator of another
#: country's, for a formula; the wide signs count, too.
_FORMULA = re.compile(r"(\A|[;\t\r\n]\"*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
_FIRST = ("\t", "\r", "\n")
#: From here on a spreadsheet loses digits.
_EXACT = 2**53


def without_formula(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula; numbers stay as they are.

    >>> without_formula("=1+1"), without_formula("-5.20"), without_formula("a;=b")
    ("'=1+1", '-5.20', "a;'=b")
    """
    if _ANY_NUMBER.fullmatch(text):
        return text
    if text.startswith(_FIRST):
        text = f"'{text}"
    return _FORMULA.sub(r"\1'\2", text)


def kind_of(values: list[Any]) -> CellType:
    """Return what a column holds, judged by some of its values."""
    kinds = {_kind(value) for value in values if value not in (None, "")}
    if len(kinds) == 1:
        return kinds.pop()
    return "number" if kinds == {"integer", "number"} else "text"


def _kind(value: Any) -> CellType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "number"
    text = str(value)
    for kind in _GUESSES:
        if not isinstance(converted(text, kind), str):
            return kind
    return "text"


def converted(value: Any, kind: CellType) -> Value:
    """Return a value as what its column holds; one that doesn't fit stays as it is."""
    if value is None or value == "":
        return None
    if isinstance(value, bool | int | float):
        # A number among dates would be shown as a date.
        return str(value) if kind in ("text", "date", "datetime") else value
    text = value if isinstance(value, str) else str(value)
    return _READERS.get(kind, str)(text)


def _integer(text: str) -> int | str:
    return int(text) if _INTEGER.fullmatch(text) else text


def _number(text: str) -> float | str:
    return float(text) if _NUMBER.fullmatch(text) else text


def _boolean(text: str) -> bool | str:
    return _BOOLEANS.get(text.lower(), text)


def _date(text: str) -> date | str:
    if not _DATE.fullmatch(text):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _datetime(text: str) -> datetime | str:
    if not _TIME.fullmatch(text):
        return text
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return text
    # A spreadsheet's time has no zone.
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


_READERS: dict[str, Callable[[str], Value]] = {
    "integer": _integer,
    "number": _number,
    "percent": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}


def for_sheet(value: Value) -> Value:
    """Return what a spreadsheet holds without losing anything, but for long texts."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | date):
        return value
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[: LONGEST_TEXT - 1]}…"
    if isinstance(value, datetime):
        # Whole seconds: what the sheet shows, and what both writers keep.
        value = value.replace(microsecond=0)
    if isinstance(value, date):
        return value if value.year >= _FIRST_YEAR else value.isoformat()
    if not math.isfinite(value) or (isinstance(value, int) and abs(value) > _EXACT):
        return str(value)
    return value


#: Most characters of a spreadsheet's cell.
LONGEST_TEXT = 32_767
#: Spreadsheets count days from here.
_FIRST_YEAR = 1901


def as_text(value: Value) -> str:
    """Return a value as CSV holds it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return without_formula(value)
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
    return str(value)


def for_people(value: Value, kind: CellType) -> str:
    """Return a value as a page shows it.

    >>> for_people(1234567, "integer"), for_people(0.125, "percent")
    ('1,234,567', '12.5 %')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number_for_people(value, kind)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def _number_for_people(value: float, kind: CellType) -> str:
    if kind == "percent":
        return f"{value * 100:,.1f} %"
    if kind == "integer" or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:,.2f}"
