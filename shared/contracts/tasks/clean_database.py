"""`clean-database`: old rows of a team's own database."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.contracts.cleaning import OptionalCleanUp
from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.retry import Backoff


class CleanDatabase(OptionalCleanUp):
    """Which rules to apply.

    Attributes:
        rules: Names of rules of NIGHTSHIFT_DATABASE_RULES; empty: all.
    """

    rules: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=50)


class RuleApplied(Model):
    """What became of one rule.

    Attributes:
        name: The rule.
        table: Its table.
        removed: Rows that are gone, or would be.
        archives: Ids of stored files with the rows, JSON lines in gzip.
        is_complete: False when it ran out of time: the next run goes on.
    """

    name: str
    table: str
    removed: int
    archives: list[str] = Field(default_factory=list)
    is_complete: bool


class DatabaseCleaned(Model):
    """What became of all rules.

    Attributes:
        removed: Rows of all tables.
        rules: Each rule.
        dry_run: Whether everything is still there.
    """

    removed: int
    rules: list[RuleApplied]
    dry_run: bool


CONTRACT = TaskContract(
    name="clean-database",
    queue="cleanup",
    summary="Removes old rows of a database, as the configured rules say.",
    data=CleanDatabase,
    result=DatabaseCleaned,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=60_000, jitter=0.2),
        timeout_ms=60 * 60_000,
    ),
    idempotent_by=(
        "Rows that are removed are not there for a second run; rows may be in two "
        "archives when a worker dies between archive and removal."
    ),
)
