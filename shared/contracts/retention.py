"""How long a finished job is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from shared.contracts.model import Model

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema


class Retention(Model):
    """Keep at most `count` finished jobs, none older than `age` seconds.

    Attributes:
        age: Seconds after the finish; None means without limit.
        count: Number of jobs; None means without limit, 0 keeps none.
    """

    age: int | None = Field(default=None, ge=0, le=10 * 365 * 86_400)
    count: int | None = Field(default=None, ge=0, le=100_000_000)

    @model_validator(mode="before")
    @classmethod
    def _reads_short_forms(cls, value: object) -> object:
        # BullMQ's: true keeps none, false keeps all, a number is a count.
        if isinstance(value, bool):
            return {"count": 0} if value else {}
        return {"count": value} if isinstance(value, int) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Show the short forms beside the object."""
        shown = handler.resolve_ref_schema(handler(core_schema))
        document = {key: shown.pop(key) for key in ("properties", "type")}
        document["additionalProperties"] = shown.pop("additionalProperties", False)
        shown["anyOf"] = [
            {"type": "boolean"},
            {"type": "integer", "minimum": 0},
            document,
        ]
        return shown
