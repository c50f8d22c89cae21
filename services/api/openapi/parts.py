"""What descriptions of operations are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.contracts.model import Model

Schema = dict[str, Any]
JSON = "application/json"
PROBLEM = "application/problem+json"
BYTES = "application/octet-stream"


def ref(name: str) -> Schema:
    """Return a reference to a schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True)
class Said:
    """One good answer.

    Attributes:
        description: What it means.
        schema: Its body; None for none.
        media_type: What its body is.
        headers: Headers that it always carries, with their schemas.
    """

    description: str
    schema: Schema | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one route does.

    Attributes:
        summary: One line.
        description: More, where there is more to say.
        answers: The good answers by status.
        refusals: Statuses of problems beyond those that follow from the rest.
        query: Schemas of the query parameters.
        headers: Schemas of the request's headers.
        body: Model of the body, or a schema of its own.
        media_type: What the body is.
        is_open: Whether it needs no token.
    """

    summary: str
    description: str = ""
    answers: Mapping[int, Said]
    refusals: tuple[int, ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, Schema] = field(default_factory=dict)
    body: type[Model] | Schema | None = None
    media_type: str = JSON
    is_open: bool = False
