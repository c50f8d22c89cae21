"""Removes old rows of a team's own database, in batches."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.worker.cleanup.database_rules import Rule
    from services.worker.context import JobContext

#: Rows that one transaction removes.
BATCH_ROWS = 1_000
#: Rows of one archive file.
ARCHIVE_ROWS = 20_000
_CONNECT_S = 10


class DatabaseError(TaskError):
    """Raised when the database can't do what was asked; another attempt may help."""


@contextmanager
def opened(context: JobContext) -> Iterator[sa.Engine]:
    """Lend the database of NIGHTSHIFT_DATABASE_URL; its calls end at the deadline.

    Raises:
        UnrecoverableError: When there is none, or no driver for it.
        DatabaseError: When it fails.
    """
    url = context.settings.nightshift_database_url.get_secret_value()
    if not url:
        message = (
            "No database is configured: set NIGHTSHIFT_DATABASE_URL for the worker."
        )
        raise UnrecoverableError(message)
    try:
        target = sa.make_url(url)
        engine = sa.create_engine(
            target,
            connect_args=_limits(target, context.remaining_s()),
            poolclass=sa.pool.NullPool,
        )
    except (SQLAlchemyError, ImportError) as error:
        # The message of a bad address may hold its password.
        message = f"The database can't be used: {type(error).__name__}."
        raise UnrecoverableError(message) from None
    try:
        yield engine
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
        message = f"The database can't do it: {reason}"
        raise DatabaseError(message) from error
    finally:
        engine.dispose()


def _limits(url: sa.URL, left_s: float) -> dict[str, Any]:
    if url.get_backend_name() == "postgresql":
        timeout_ms = max(1_000, round(left_s * 1000))
        return {
            "connect_timeout": _CONNECT_S,
            "options": f"-c statement_timeout={timeout_ms} -c lock_timeout=30000",
        }
    if url.get_backend_name() == "sqlite":
        return {"timeout": min(30.0, left_s)}
    return {}


@dataclass(frozen=True)
class OldRows:
    """The rows of one rule."""

    table: sa.Table
    key: Sequence[sa.Column[Any]]
    is_old: sa.ColumnElement[bool]

    @classmethod
    def of(cls, rule: Rule, engine: sa.Engine, *, now: datetime) -> OldRows:
        """Look up the table of `rule`.

        Raises:
            UnrecoverableError: When the rule does not fit the database.
        """
        try:
            table = sa.Table(
                rule.table, sa.MetaData(), schema=rule.db_schema, autoload_with=engine
            )
            column = table.columns[rule.column]
        except (NoSuchTableError, KeyError):
            message = (
                f"The rule {rule.name!r} names {rule.table}.{rule.column}, "
                "which does not exist."
            )
            raise UnrecoverableError(message) from None
        key = list(table.primary_key.columns)
        if not key:
            message = f"The table {rule.table} has no primary key to remove rows by."
            raise UnrecoverableError(message)
        limit = _limit(rule, column, now - timedelta(days=rule.days))
        return cls(table, key, column < limit)

    def count(self, engine: sa.Engine) -> int:
        """Return how many there are."""
        query = sa.select(sa.func.count()).select_from(self.table).where(self.is_old)
        with engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def keys(self, engine: sa.Engine, *, limit: int) -> list[tuple[Any, ...]]:
        """Return the primary keys of some of them."""
        query = sa.select(*self.key).where(self.is_old).limit(limit)
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def archived(
        self, engine: sa.Engine, context: JobContext, *, name: str
    ) -> tuple[list[tuple[Any, ...]], str]:
        """Store some of them as a file, whole, and return their keys and its id."""
        keys: list[tuple[Any, ...]] = []
        query = sa.select(self.table).where(self.is_old).limit(ARCHIVE_ROWS)
        with engine.connect() as connection:
            streaming = connection.execution_options(yield_per=BATCH_ROWS)
            with streaming.execute(query) as rows:
                lines = self._lines(rows.mappings(), keys)
                file = context.storage.put(
                    _compressed(lines), name=name, content_type="application/gzip"
                )
        return keys, file.id

    def remove(self, engine: sa.Engine, keys: Sequence[tuple[Any, ...]]) -> int:
        """Remove rows by their keys, if they are still old; return how many."""
        if len(self.key) == 1:
            chosen = self.key[0].in_([key[0] for key in keys])
        else:
            chosen = sa.tuple_(*self.key).in_(keys)
        with engine.begin() as connection:
            query = sa.delete(self.table).where(chosen).where(self.is_old)
            return int(connection.execute(query).rowcount)

    def _lines(
        self, rows: Iterable[sa.RowMapping], keys: list[tuple[Any, ...]]
    ) -> Iterator[bytes]:
        for row in rows:
            keys.append(tuple(row[column] for column in self.key))
            document = {column.name: row[column] for column in self.table.columns}
            yield json.dumps(document, default=_plain).encode() + b"\n"


def tidy(table: sa.Table, engine: sa.Engine, *, vacuum: bool) -> None:
    """Let the database count the table anew and, with `vacuum`, give space back."""
    name = engine.dialect.identifier_preparer.format_table(table)
    kind = engine.dialect.name
    statements = []
    if kind == "postgresql":
        statements = [f"VACUUM (ANALYZE) {name}" if vacuum else f"ANALYZE {name}"]
    elif kind == "sqlite":
        statements = [f"ANALYZE {name}", *(["VACUUM"] if vacuum else [])]
    elif kind in ("mysql", "mariadb"):
        statements = [f"{'OPTIMIZE' if vacuum else 'ANALYZE'} TABLE {name}"]
    with engine.connect() as connection:
        alone = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            alone.execute(sa.text(statement))


def _limit(rule: Rule, column: sa.Column[Any], before: datetime) -> object:
    kind = column.type
    if isinstance(kind, sa.DateTime):
        return before if kind.timezone else before.replace(tzinfo=None)
    if isinstance(kind, sa.Date):
        return before.date()
    if isinstance(kind, sa.Integer | sa.Numeric):
        return int(before.timestamp() * (1000 if rule.unit == "ms" else 1))
    message = (
        f"The rule {rule.name!r} names {rule.table}.{rule.column}, which is "
        f"{kind} and no date, time or number."
    )
    raise UnrecoverableError(message)


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    step: list[bytes] = []
    for line in lines:
        step.append(line)
        if len(step) == BATCH_ROWS:
            # Pieces of gzip in a row are gzip.
            yield gzip.compress(b"".join(step), mtime=0)
            step = []
    yield gzip.compress(b"".join(step), mtime=0)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


def now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)
