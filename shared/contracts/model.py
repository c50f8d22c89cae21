"""The base of every model that crosses a border."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import InvalidDataError, Problem

if TYPE_CHECKING:
    from typing import Self


class Model(BaseModel):
    """Frozen, strict, refuses unknown fields; camelCase in JSON, snake_case here."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def parse(cls, document: bytes, *, pointer: str = "") -> Self:
        """Validate a JSON document.

        Args:
            document: The JSON text.
            pointer: JSON pointer of the document inside its request, for the errors.

        Raises:
            InvalidDataError: With one problem per breach; values are never repeated.
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError as error:
            raise InvalidDataError(
                tuple(
                    Problem(_pointer(pointer, e["loc"]), _fragment(e["msg"]))
                    for e in error.errors(include_url=False, include_input=False)
                )
            ) from None

    def dump(self) -> bytes:
        """Return the fields that were set, as JSON."""
        return self.model_dump_json(by_alias=True, exclude_unset=True).encode()


def _pointer(prefix: str, location: tuple[int | str, ...]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "/".join((prefix, *steps)) if location else prefix


def _fragment(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return text[:1].lower() + text[1:]
