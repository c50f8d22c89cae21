"""A task's form, made from its contract's JSON Schema, and its data from the form."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from services.api.errors import MalformedBodyError
from services.api.request_body import check_json
from shared.errors import InvalidDataError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.contracts.catalogue import AnyContract

    Kind = Literal["line", "text", "number", "switch", "choice", "lines", "json"]

#: What a form's fields begin with, so that none is called `csrf`.
PREFIX = "data."
#: A text that may be longer than this gets several lines.
_LONG = 300
_SIMPLE = frozenset({"string", "integer", "number"})


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field of a form.

    Attributes:
        name: Its name in the job's data.
        kind: How it is filled in; `lines` is a list with one entry per line.
        required: Whether it must be filled in.
        default: What holds when it is left out, as JSON or text.
        hint: What it is for.
        choices: What can be chosen.
        is_number: Whether what is typed, or each line of it, is a number.
        rule: What its text must look like, in words.
        value: What it holds.
    """

    name: str
    kind: Kind
    required: bool
    default: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()
    is_number: bool = False
    rule: str = ""
    value: str = ""

    @property
    def id(self) -> str:
        """Its name in the form."""
        return PREFIX + self.name


def fields_of(contract: AnyContract) -> list[FormField]:
    """Return the fields of a task's form, those that must be filled in first."""
    schema = contract.data.model_json_schema(mode="validation")
    required = set(schema.get("required", ()))
    hints = _hints(contract)
    found = [
        _field(name, part, required=name in required, hint=hints.get(name, ""))
        for name, part in schema.get("properties", {}).items()
    ]
    return sorted(found, key=lambda one: not one.required)


def with_values(fields: list[FormField], form: Mapping[str, str]) -> list[FormField]:
    """Return the fields with what somebody typed."""
    return [replace(field, value=form.get(field.id, "")) for field in fields]


def data_of(fields: list[FormField]) -> dict[str, Any]:
    """Return the data that a form describes; what is empty is left out.

    Raises:
        InvalidDataError: A number or a JSON text is none.
    """
    problems: list[Problem] = []
    data = {}
    for field in fields:
        text = field.value if field.kind == "text" else field.value.strip()
        if not text and not (field.required and field.kind in {"line", "text"}):
            continue
        try:
            data[field.name] = _value(field, text)
        except ValueError as error:
            problems.append(Problem(f"/data/{field.name}", str(error)))
    if problems:
        raise InvalidDataError(tuple(problems))
    return data


def parsed(text: str, *, pointer: str) -> Any:
    """Return strict JSON.

    Raises:
        InvalidDataError: It is none.
    """
    try:
        return _json(text)
    except ValueError as error:
        raise InvalidDataError((Problem(pointer, str(error)),)) from None


def _json(text: str) -> Any:
    try:
        encoded = text.encode()
        check_json(encoded)
        return msgspec.json.decode(encoded)
    except (MalformedBodyError, UnicodeEncodeError, msgspec.DecodeError) as error:
        message = f"should be JSON: {error}"
        raise ValueError(message) from None


def _value(field: FormField, text: str) -> Any:
    if field.kind == "lines":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [_number(line) for line in lines] if field.is_number else lines
    if field.kind == "switch":
        return text == "true"
    if field.kind == "json":
        return _json(text)
    return _number(text) if field.is_number else text


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        pass
    if not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", text):
        message = "should be a number"
        raise ValueError(message)
    return float(text)


def _field(name: str, part: dict[str, Any], *, required: bool, hint: str) -> FormField:
    core = _without_null(part)
    kind, is_number = _kind(core)
    default = part.get("default")
    return FormField(
        name=name,
        kind=kind,
        required=required,
        default="" if default in (None, "", [], {}) else _shown(default),
        hint=hint,
        choices=tuple(map(str, core.get("enum", ()))),
        is_number=is_number,
        rule=_rule(core) if kind in {"number", "lines"} else "",
    )


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    options = [one for one in part.get("anyOf", ()) if one.get("type") != "null"]
    return options[0] if len(options) == 1 else part


def _kind(part: dict[str, Any]) -> tuple[Kind, bool]:
    kind = part.get("type")
    if "enum" in part:
        return "choice", kind in {"integer", "number"}
    if kind == "boolean":
        return "switch", False
    if kind in {"integer", "number"}:
        return "number", True
    if kind == "string":
        return ("text" if part.get("maxLength", 0) > _LONG else "line"), False
    items = part.get("items", {})
    if kind == "array" and items.get("type") in _SIMPLE and "enum" not in items:
        return "lines", items["type"] != "string"
    return "json", False


def _rule(part: dict[str, Any]) -> str:
    low, high = part.get("minimum"), part.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if part.get("type") == "array":
        return "one per line"
    return ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _hints(contract: AnyContract) -> dict[str, str]:
    """Return what the model's docstring says about each field, by its JSON name."""
    _, _, text = inspect.cleandoc(contract.data.__doc__ or "").partition(
        "Attributes:\n"
    )
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=    \w)", f"\n{text}"):
        name, _, words = entry.strip().partition(": ")
        field = contract.data.model_fields.get(name)
        if field is not None:
            found[field.alias or name] = " ".join(words.split()).replace("`", "")
    return found
