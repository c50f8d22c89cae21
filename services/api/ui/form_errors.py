"""What is wrong with a form, by the field that it is wrong with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.errors import InvalidDataError


def by_field(error: InvalidDataError, *, prefix: str = "") -> dict[str, str]:
    """Return one sentence per field; '' holds what belongs to none.

    Args:
        error: What a model said.
        prefix: The pointer of the document that the form is about; what lies deeper
            is told at the field of the first step, with its place.
    """
    found: dict[str, list[str]] = {}
    for problem in error.problems:
        pointer = problem.pointer
        if prefix and not f"{pointer}/".startswith(f"{prefix}/"):
            continue
        field, _, rest = pointer.removeprefix(prefix).lstrip("/").partition("/")
        where = f"{rest}: " if rest else ""
        found.setdefault(field, []).append(f"{where}{problem.detail}")
    return {field: _sentence(details) for field, details in found.items()}


def _sentence(details: list[str]) -> str:
    text = "; ".join(dict.fromkeys(details))
    return f"{text[:1].upper()}{text[1:]}."
