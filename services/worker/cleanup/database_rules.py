"""What `clean-database` may remove: rules from the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from shared.contracts.model import Model

_Name = Annotated[str, Field(min_length=1, max_length=128)]


class Rule(Model):
    """Rows of one table that are too old.

    Attributes:
        name: What jobs call the rule.
        table: The table.
        db_schema: Its schema; None for the usual one.
        column: When a row was written: a date, a time or a number.
        days: Days after which a row goes.
        unit: What a number counts since 1970: seconds or milliseconds.
        archive: Whether the rows are stored as a file first.
        vacuum: Whether the database gives the space back afterwards.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    table: _Name
    db_schema: _Name | None = Field(default=None, alias="schema")
    column: _Name
    days: int = Field(ge=1, le=36_500)
    unit: Literal["s", "ms"] = "s"
    archive: bool = False
    vacuum: bool = False


_RULES = TypeAdapter(list[Rule])


def parse(text: str) -> dict[str, Rule]:
    """Read rules, by name.

    Raises:
        ValueError: When they are no rules, or two have one name.
    """
    if not text.strip():
        return {}
    try:
        rules = _RULES.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(map(str, first["loc"]))
        message = f"is no list of rules: {place}: {first['msg']}"
        raise ValueError(message) from None
    found = {rule.name: rule for rule in rules}
    if len(found) != len(rules):
        message = "has two rules of the same name"
        raise ValueError(message)
    return found
