from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from services.worker.cleanup import database, database_rules
from services.worker.cleanup.database import DatabaseError
from services.worker.tasks import clean_database
from shared import ids
from shared.contracts.tasks.clean_database import CleanDatabase, DatabaseCleaned
from shared.errors import StorageError, UnrecoverableError
from tests.support.contexts import Notebook, make_context
from tests.support.postgres_server import running_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.worker.context import JobContext

NOW = datetime.now(UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'team.db'}"
    found: str = request.getfixturevalue("postgres")
    return found


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    yield engine
    engine.dispose()


@pytest.fixture
def log(engine: sa.Engine) -> sa.Table:
    """A table with 10 rows a day for 30 days."""
    table = sa.Table(
        f"log_{ids.new_id()}",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True)),
        sa.Column("day", sa.Date),
        sa.Column("epoch_s", sa.BigInteger),
        sa.Column("epoch_ms", sa.BigInteger),
        sa.Column("note", sa.Text),
        sa.Column("raw", sa.LargeBinary),
    )
    table.create(engine)
    rows = [row_of(number, NOW - timedelta(days=number // 10)) for number in range(300)]
    with engine.begin() as connection:
        connection.execute(sa.insert(table), rows)
    return table


def row_of(number: int, when: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "at": when,
        "day": when.date(),
        "epoch_s": int(when.timestamp()),
        "epoch_ms": int(when.timestamp() * 1000),
        "note": f"row {number} ü",
        "raw": bytes([number % 256]),
    }


def rule(table: sa.Table, /, **fields: Any) -> dict[str, Any]:
    return {
        "name": "log",
        "table": table.name,
        "column": "at",
        "days": 20,
        **fields,
    }


def job(folder: Path, url: str, *rules: dict[str, Any], **more: Any) -> JobContext:
    return make_context(
        folder / "files",
        nightshift_database_url=url,
        nightshift_database_rules=json.dumps(rules),
        **more,
    )


def clean(context: JobContext, **fields: Any) -> DatabaseCleaned:
    return clean_database.run(CleanDatabase(**fields), context)


def left(engine: sa.Engine, table: sa.Table) -> set[int]:
    with engine.connect() as connection:
        return set(connection.execute(sa.select(table.c.id)).scalars())


@pytest.mark.parametrize("column", ["at", "day", "epoch_s", "epoch_ms"])
def test_rows_older_than_the_days_go_and_the_others_stay(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table, column: str
) -> None:
    unit = "ms" if column == "epoch_ms" else "s"
    notebook = Notebook()
    context = job(tmp_path, url, rule(log, column=column, unit=unit), notebook=notebook)
    done = clean(context)

    kept = left(engine, log)
    # A day is younger than its midnight by up to a day.
    assert set(range(200)) <= kept <= set(range(210))
    assert done.removed == 300 - len(kept)
    assert done.rules[0].is_complete
    assert notebook.lines == [f"log: {log.name} lost {done.removed} rows."]
    assert clean(context).removed == 0


def test_a_dry_run_counts_and_removes_nothing(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    done = clean(job(tmp_path, url, rule(log, archive=True)), dry_run=True)

    assert (done.removed, done.dry_run, done.rules[0].archives) == (100, True, [])
    assert len(left(engine, log)) == 300


def test_rows_are_stored_before_they_go(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    context = job(tmp_path, url, rule(log, archive=True, vacuum=True))
    [applied] = clean(context).rules

    [file_id] = applied.archives
    file = context.storage.stat(file_id)
    lines = gzip.decompress(context.storage.read(file_id)).splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["id"] for row in rows} == set(range(200, 300))
    row = next(row for row in rows if row["id"] == 250)
    assert (row["note"], row["raw"]) == ("row 250 ü", "fa")
    assert datetime.fromisoformat(row["at"]).replace(tzinfo=None).year >= 2000
    assert (file.name, file.content_type) == ("log-1.jsonl.gz", "application/gzip")
    assert left(engine, log) == set(range(200))


def test_nothing_goes_that_could_not_be_stored(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    (tmp_path / "files").write_text("a file, no folder")

    with pytest.raises(StorageError):
        clean(job(tmp_path, url, rule(log, archive=True)))
    assert len(left(engine, log)) == 300


def test_many_rows_go_in_batches_into_several_archives(
    tmp_path: Path,
    url: str,
    engine: sa.Engine,
    log: sa.Table,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "ARCHIVE_ROWS", 2_000)
    old = NOW - timedelta(days=90)
    rows = [row_of(number, old) for number in range(1_000, 3_500)]
    with engine.begin() as connection:
        connection.execute(sa.insert(log), rows)
    notebook = Notebook()
    context = job(tmp_path, url, rule(log, archive=True), notebook=notebook)
    [applied] = clean(context).rules

    assert applied.removed == 2_600
    assert len(applied.archives) == 2
    stored = [
        json.loads(line)["id"]
        for file_id in applied.archives
        for line in gzip.decompress(context.storage.read(file_id)).splitlines()
    ]
    assert len(stored) == len(set(stored)) == applied.removed
    assert left(engine, log) == set(range(200))
    assert notebook.reports[-1]["removed"] == applied.removed


def test_a_key_of_several_columns_will_do(
    tmp_path: Path, url: str, engine: sa.Engine
) -> None:
    table = sa.Table(
        f"pairs_{ids.new_id()}",
        sa.MetaData(),
        sa.Column("tenant", sa.String(20), primary_key=True),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime),
    )
    table.create(engine)
    times = {True: NOW - timedelta(days=40), False: NOW}
    rows = [
        {"tenant": f"t{n % 3}", "id": n, "at": times[n < 2_500].replace(tzinfo=None)}
        for n in range(2_600)
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(table), rows)

    assert clean(job(tmp_path, url, rule(table))).removed == 2_500
    assert left(engine, table) == set(range(2_500, 2_600))


def test_a_row_without_a_time_stays(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(log), [{"id": 999, "at": None}])

    clean(job(tmp_path, url, rule(log)))
    assert 999 in left(engine, log)


def test_only_the_rules_that_are_named_apply(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    rules = [rule(log), rule(log, name="all", days=1)]
    done = clean(job(tmp_path, url, *rules), rules=["log"])

    assert [applied.name for applied in done.rules] == ["log"]
    assert len(left(engine, log)) == 200
    with pytest.raises(UnrecoverableError, match="no rule 'x'; the rules are all, log"):
        clean(job(tmp_path, url, *rules), rules=["x"])


@pytest.mark.parametrize("hostile", ["x; drop table y", 'x" --', "x')"])
def test_a_name_is_a_name_and_no_statement(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table, hostile: str
) -> None:
    for fields in ({"table": hostile}, {"column": hostile}):
        with pytest.raises(UnrecoverableError, match="does not exist"):
            clean(job(tmp_path, url, rule(log, **fields)))

    assert len(left(engine, log)) == 300


def test_a_column_of_text_is_no_time(tmp_path: Path, url: str, log: sa.Table) -> None:
    with pytest.raises(UnrecoverableError, match="no date, time or number"):
        clean(job(tmp_path, url, rule(log, column="note")))


def test_a_table_without_a_primary_key_is_left_alone(
    tmp_path: Path, url: str, engine: sa.Engine
) -> None:
    table = sa.Table(
        f"bare_{ids.new_id()}", sa.MetaData(), sa.Column("at", sa.DateTime)
    )
    table.create(engine)

    with pytest.raises(UnrecoverableError, match="no primary key"):
        clean(job(tmp_path, url, rule(table)))


def test_a_run_without_time_says_that_it_is_not_complete(
    tmp_path: Path, url: str, engine: sa.Engine, log: sa.Table
) -> None:
    [applied] = clean(job(tmp_path, url, rule(log), timeout_s=1)).rules

    assert not applied.is_complete
    assert len(left(engine, log)) == 300


def test_a_database_that_is_not_there_is_worth_another_attempt(
    tmp_path: Path, log: sa.Table
) -> None:
    away = "postgresql+psycopg://ada:hunter2@127.0.0.1:1/x"

    with pytest.raises(DatabaseError, match="can't do it") as failure:
        clean(job(tmp_path, away, rule(log)))
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize("bad", ["nonsense", "oracle://ada:hunter2@x/y"])
def test_an_address_that_can_t_be_used_is_not_repeated(
    tmp_path: Path, log: sa.Table, bad: str
) -> None:
    with pytest.raises(UnrecoverableError, match="can't be used") as failure:
        clean(job(tmp_path, bad, rule(log)))
    assert "hunter2" not in str(failure.value)


def test_what_is_not_configured_is_named(tmp_path: Path, log: sa.Table) -> None:
    with pytest.raises(UnrecoverableError, match="NIGHTSHIFT_DATABASE_URL"):
        clean(job(tmp_path, "", rule(log)))
    with pytest.raises(UnrecoverableError, match="NIGHTSHIFT_DATABASE_RULES"):
        clean(make_context(tmp_path, nightshift_database_url="sqlite://"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '[{"name": "a"}]',
        '[{"name": "a", "table": "t", "column": "c", "days": 0}]',
        '[{"name": "a", "table": "t", "column": "c", "days": 1, "x": 1}]',
    ],
)
def test_what_are_no_rules_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no list of rules"):
        database_rules.parse(text)


def test_two_rules_need_two_names() -> None:
    one = '{"name": "a", "table": "t", "column": "c", "days": 1}'

    with pytest.raises(ValueError, match="same name"):
        database_rules.parse(f"[{one}, {one}]")
