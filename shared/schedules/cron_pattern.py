"""Reads cron patterns, and says in a sentence what is wrong with one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from shared.errors import InvalidDataError, Problem

_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: Name and allowed values of each field, in order.
_FIELDS = (
    ("minute", "0-59"),
    ("hour", "0-23"),
    ("day-of-month", "1-31, L or LW"),
    ("month", "1-12 or jan-dec"),
    ("day-of-week", "0-7 or sun-sat, with #1 to #5 or L"),
)
_MAX_PATTERN = 256
#: cronsim wants an instant to begin at; any does for reading.
_SOMEDAY = datetime(2024, 1, 1, tzinfo=UTC)


def read(pattern: str) -> str:
    """Return the five fields of `pattern`, with an @alias spelled out.

    Raises:
        InvalidDataError: When it is nonsense; it says which field.
    """
    if len(pattern) > _MAX_PATTERN:
        raise refusal(
            pattern[:20] + "…", f"it is longer than {_MAX_PATTERN} characters"
        )
    words = pattern.split()
    if len(words) == 1 and words[0].startswith("@"):
        expanded = _ALIASES.get(words[0].lower())
        if expanded is None:
            raise refusal(
                pattern, f"the known aliases are {', '.join(sorted(_ALIASES))}"
            )
        return expanded
    if len(words) != len(_FIELDS):
        names = " ".join(name for name, _ in _FIELDS)
        raise refusal(pattern, f"it has {len(words)} fields instead of five: {names}")
    try:
        CronSim(" ".join(words), _SOMEDAY)
    except CronSimError as error:
        raise refusal(pattern, _explanation(str(error), words)) from error
    return " ".join(words)


def _explanation(complaint: str, words: list[str]) -> str:
    for position, (name, allowed) in enumerate(_FIELDS):
        if not complaint.endswith(name):
            continue
        word = words[position]
        if name == "day-of-month" and _all_numbers_within(word, 31):
            return f"the months {words[3]!r} never have the day-of-month {word!r}"
        return (
            f"field {position + 1}, the {name}, can't be {word!r}; "
            f"allowed are {allowed}, with lists, ranges and steps"
        )
    return complaint


def _all_numbers_within(word: str, limit: int) -> bool:
    numbers = [int(number) for number in re.findall("[0-9]+", word)]
    well_formed = re.fullmatch(r"[0-9]+(?:[-,][0-9]+)*", word) is not None
    return well_formed and all(1 <= number <= limit for number in numbers)


def refusal(pattern: str, reason: str) -> InvalidDataError:
    """Return the error that says why `pattern` can't be used."""
    detail = f"{pattern!r} is no cron pattern: {reason}"
    return InvalidDataError((Problem("/pattern", detail),))
