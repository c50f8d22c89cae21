"""Removes old rows of a team's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.tasks.clean_database import CleanDatabase, DatabaseCleaned


def run(data: CleanDatabase, context: JobContext) -> DatabaseCleaned:
    """Apply each rule until nothing is old or the time is over."""
    # Here, as SQLAlchemy takes a while and 17 MB to load, and most workers never
    # clean a database.
    from services.worker.cleanup import database_cleaning  # noqa: PLC0415

    return database_cleaning.clean(data, context)
