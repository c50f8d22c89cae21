"""The form of a schedule: from its fields to the document, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from services.api.representation import REDACTED
from shared.errors import InvalidDataError, Problem
from shared.schedules.definition import DEFAULT_GRACE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.contracts.catalogue import AnyContract
    from shared.schedules.record import StoredSchedule

#: Fields that hold a whole number, and how many milliseconds one of it is.
_NUMBERS = {
    "every": 1000,
    "jitter": 1000,
    "grace": 1000,
    "limit": 1,
    "pauseAfterFailures": 1,
    "misfireCap": 1,
}
_TEXTS = ("description", "pattern", "tz", "startDate", "endDate", "misfire", "overlap")
_DEFAULTS = {
    "kind": "pattern",
    "tz": "UTC",
    "misfire": "once",
    "overlap": "allow",
    "grace": str(DEFAULT_GRACE_MS // 1000),
    "misfireCap": "100",
    "data": "{}",
    "opts": "{}",
}
FIELDS = ("id", "kind", "task", "data", "opts", *_TEXTS, *_NUMBERS)


def empty() -> dict[str, str]:
    """Return the form of a schedule that is none yet."""
    return dict.fromkeys(FIELDS, "") | _DEFAULTS


def filled(form: Mapping[str, str]) -> dict[str, str]:
    """Return what somebody typed, every field of it."""
    return {name: form.get(name, "") for name in FIELDS}


def of(stored: StoredSchedule, document: Mapping[str, Any]) -> dict[str, str]:
    """Return the form of a schedule that exists.

    Args:
        stored: The schedule.
        document: The same as the API shows it, without secrets.
    """
    values = empty()
    for name in _TEXTS:
        values[name] = str(document.get(name) or "")
    for name, size in _NUMBERS.items():
        number = document.get(name)
        values[name] = "" if number is None else f"{number / size:.15g}"
    return values | {
        "id": stored.id,
        "kind": "every" if document.get("every") else "pattern",
        "task": stored.definition.template.name,
        "data": pretty(document["template"]["data"]),
        "opts": pretty(document["template"]["opts"]),
    }


def document(values: Mapping[str, str]) -> dict[str, Any]:
    """Return the document that a form describes.

    Raises:
        InvalidDataError: When a number or a JSON text is none.
    """
    problems: list[Problem] = []
    found: dict[str, Any] = {name: values[name] for name in _TEXTS if values[name]}
    for name, size in _NUMBERS.items():
        if text := values[name].strip():
            number = _number(text)
            if number is None:
                problems.append(Problem(f"/{name}", "should be a number"))
            else:
                found[name] = round(number * size)
    found.pop("pattern" if values["kind"] == "every" else "every", None)
    found["template"] = {
        "name": values["task"],
        "data": _json("data", values["data"], problems),
        "opts": _json("opts", values["opts"], problems),
    }
    if problems:
        raise InvalidDataError(tuple(problems))
    return found


def keep_secrets(
    found: dict[str, Any],
    stored: StoredSchedule | None,
    catalogue: Mapping[str, AnyContract],
) -> None:
    """Put back the secrets that a form showed as `[redacted]` and left so."""
    template = found["template"]
    contract = catalogue.get(template["name"])
    if stored is None or contract is None:
        return
    before = stored.definition.template
    if before.name == contract.name and contract.redacted:
        template["data"] = {
            name: before.data.get(name, value) if value == REDACTED else value
            for name, value in template["data"].items()
        }


def pretty(value: Any) -> str:
    """Return JSON as people read it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 10**12 else None


def _json(name: str, text: str, problems: list[Problem]) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError) as error:
        problems.append(Problem(f"/template/{name}", f"should be JSON: {error}"))
        return {}
    return found
