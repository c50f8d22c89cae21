"""Applies rules to a database, in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.cleanup import database
from services.worker.cleanup.database import BATCH_ROWS, OldRows
from shared.contracts.tasks.clean_database import (
    CleanDatabase,
    DatabaseCleaned,
    RuleApplied,
)
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from services.worker.cleanup.database_rules import Rule
    from services.worker.context import JobContext

#: Time that the end of the job keeps for itself, in seconds.
_RESERVE_S = 5.0


def clean(data: CleanDatabase, context: JobContext) -> DatabaseCleaned:
    """Apply each rule, in batches, until nothing is old or the time is over."""
    if data.if_configured and not _is_configured(context):
        context.log("No database is configured: a URL or rules are missing.")
        return DatabaseCleaned(removed=0, rules=[], dry_run=data.dry_run)
    chosen = _chosen(data, context)
    applied = []
    with database.opened(context) as engine:
        for rule in chosen:
            rows = OldRows.of(rule, engine, now=database.now())
            one = (
                _counted(rule, rows, engine)
                if data.dry_run
                else _apply(rule, rows, engine, context)
            )
            verb = "would lose" if data.dry_run else "lost"
            context.log(f"{rule.name}: {rule.table} {verb} {one.removed:,} rows.")
            applied.append(one)
    return DatabaseCleaned(
        removed=sum(one.removed for one in applied),
        rules=applied,
        dry_run=data.dry_run,
    )


def _is_configured(context: JobContext) -> bool:
    settings = context.settings
    return bool(settings.nightshift_database_url) and bool(settings.database_rules)


def _chosen(data: CleanDatabase, context: JobContext) -> list[Rule]:
    rules = context.settings.database_rules
    if not rules:
        message = (
            "No rules are configured: set NIGHTSHIFT_DATABASE_RULES for the worker."
        )
        raise UnrecoverableError(message)
    unknown = [name for name in data.rules if name not in rules]
    if unknown:
        names = ", ".join(sorted(rules))
        message = f"There is no rule {unknown[0]!r}; the rules are {names}."
        raise UnrecoverableError(message)
    return [rules[name] for name in data.rules or rules]


def _counted(rule: Rule, rows: OldRows, engine: sa.Engine) -> RuleApplied:
    return RuleApplied(
        name=rule.name, table=rule.table, removed=rows.count(engine), is_complete=True
    )


def _apply(
    rule: Rule, rows: OldRows, engine: sa.Engine, context: JobContext
) -> RuleApplied:
    removed = 0
    archives: list[str] = []
    is_complete = False
    while not context.cancelled and context.remaining_s() > _RESERVE_S:
        if rule.archive:
            name = f"{rule.name}-{len(archives) + 1}.jsonl.gz"
            keys, file_id = rows.archived(engine, context, name=name)
            if keys:
                archives.append(file_id)
            else:
                context.storage.delete(file_id)
        else:
            keys = rows.keys(engine, limit=BATCH_ROWS)
        if not keys:
            is_complete = True
            break
        # What is archived is removed to its end: it would be archived again.
        for start in range(0, len(keys), BATCH_ROWS):
            removed += rows.remove(engine, keys[start : start + BATCH_ROWS])
        context.progress({"rule": rule.name, "removed": removed})
    if removed:
        database.tidy(rows.table, engine, vacuum=rule.vacuum)
    return RuleApplied(
        name=rule.name,
        table=rule.table,
        removed=removed,
        archives=archives,
        is_complete=is_complete,
    )
