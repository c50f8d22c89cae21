"""`invalidate-cache`: keys of a cache in Redis, by prefix or by tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.cleaning import Cleaned, OptionalCleanUp
from shared.contracts.contract import TaskContract, TaskDefaults
from shared.contracts.fields import Line

if TYPE_CHECKING:
    from typing import Self

KeyPart = Annotated[Line, StringConstraints(min_length=1, max_length=200)]


class InvalidateCache(OptionalCleanUp):
    """What is out of date.

    Attributes:
        prefixes: Beginnings of keys, taken literally.
        tags: Names of tags: all keys in the set of a tag go, and the set with them.
    """

    prefixes: list[KeyPart] = Field(default=[], max_length=100)
    tags: list[KeyPart] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.prefixes and not self.tags:
            message = "needs prefixes or tags"
            raise ValueError(message)
        return self


CONTRACT = TaskContract(
    name="invalidate-cache",
    queue="cleanup",
    summary="Removes keys of a cache in Redis, by prefix or by tag.",
    data=InvalidateCache,
    result=Cleaned,
    defaults=TaskDefaults(timeout_ms=10 * 60_000, priority=3),
    idempotent_by="What is removed is not there for a second run.",
)
