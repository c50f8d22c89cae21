"""Which rows an export takes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from services.worker.reports import cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.worker.reports.orders import ConditionOrder

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def predicate(condition: ConditionOrder) -> Callable[[dict[str, Any]], bool]:
    """Return the function that says whether a row fulfils a condition."""
    key, wanted = condition.column, _comparable(condition.value)
    match condition.test:
        case "empty":
            return lambda row: row.get(key) in (None, "")
        case "filled":
            return lambda row: row.get(key) not in (None, "")
        case "contains":
            part = str(condition.value)
            return lambda row: part in str(row.get(key) or "")
    compare = _COMPARISONS[condition.test]
    is_order = condition.test not in ("eq", "ne")

    def fulfils(row: dict[str, Any]) -> bool:
        value = _comparable(row.get(key))
        if isinstance(value, type(wanted)):
            return compare(value, wanted)
        # Things of different kinds differ, and none comes before the other.
        return False if is_order else compare(0, 1)

    return fulfils


def _comparable(value: Any) -> Any:
    """Return numbers as numbers, whichever way they are written."""
    if isinstance(value, bool) or value is None:
        return value
    converted = cells.converted(value, "number")
    return float(converted) if isinstance(converted, int | float) else str(value)
