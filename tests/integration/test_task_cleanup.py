from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.tasks import (
    daily_cleanup,
    expired_sessions,
    finished_jobs,
    health_check,
    idempotency_keys,
    invalidate_cache,
    old_logs,
    orphaned_artifacts,
)
from shared.contracts.tasks.daily_cleanup import DailyCleanup
from shared.contracts.tasks.expired_sessions import ExpiredSessions
from shared.contracts.tasks.finished_jobs import FinishedJobs
from shared.contracts.tasks.health_check import HealthCheck
from shared.contracts.tasks.idempotency_keys import IdempotencyKeys
from shared.contracts.tasks.invalidate_cache import InvalidateCache
from shared.contracts.tasks.old_logs import OldLogs
from shared.contracts.tasks.orphaned_artifacts import OrphanedArtifacts
from shared.errors import InvalidDataError, UnrecoverableError
from tests.support.contexts import Children, Notebook, make_context
from tests.support.in_process_worker import Answer, built_broker, running_worker
from tests.support.in_process_worker import contract as contract_of
from tests.support.smtp_server import SmtpServer
from tests.support.snapshot import keys_below

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.worker.context import JobContext
    from tests.support.jobs import Jobs

DAY_S = 86_400


@pytest.fixture
def team(redis_url: str, namespace: str, tmp_path: Path) -> JobContext:
    """A job whose team keeps cache and sessions below `<namespace>-`."""
    return make_context(
        tmp_path / "files",
        namespace=namespace,
        redis_url=redis_url,
        nightshift_cache_url=redis_url,
        nightshift_session_prefix=f"{namespace}-session:",
        nightshift_cache_tag_prefix=f"{namespace}-tag:",
    )


def left(client: redis.Redis, namespace: str) -> set[str]:
    found = keys_below(client, f"{namespace}-")
    return {key.removeprefix(f"{namespace}-") for key in found}


def put(client: redis.Redis, namespace: str, *names: str) -> None:
    for name in names:
        client.set(f"{namespace}-{name}", "x")


def test_keys_go_by_the_beginning_of_their_names(
    team: JobContext, client: redis.Redis, namespace: str
) -> None:
    put(client, namespace, "page:1", "page:2", "page*", "pages", "user:1")
    data = InvalidateCache(prefixes=[f"{namespace}-page:"])

    dry = invalidate_cache.run(data.model_copy(update={"dry_run": True}), team)
    before = left(client, namespace)
    done = invalidate_cache.run(data, team)

    assert (dry.removed, dry.dry_run, len(before)) == (2, True, 5)
    assert (done.removed, done.is_complete) == (2, True)
    assert left(client, namespace) == {"page*", "pages", "user:1"}
    assert sorted(done.examples) == [f"{namespace}-page:1", f"{namespace}-page:2"]


@pytest.mark.parametrize("star", ["page*", "page?1", "page[:]1", "page\\"])
def test_a_star_is_a_star(
    team: JobContext, client: redis.Redis, namespace: str, star: str
) -> None:
    put(client, namespace, "page:1", star)
    invalidate_cache.run(InvalidateCache(prefixes=[f"{namespace}-{star}"]), team)

    assert left(client, namespace) == {"page:1"}


def test_keys_go_by_their_tag_and_the_tag_with_them(
    team: JobContext, client: redis.Redis, namespace: str
) -> None:
    put(client, namespace, *(f"page:{n}" for n in range(1_200)), "other")
    members = [f"{namespace}-page:{n}" for n in range(1_200)]
    client.sadd(f"{namespace}-tag:news", *members, "gone-long-ago")

    done = invalidate_cache.run(InvalidateCache(tags=["news", "unknown"]), team)

    assert left(client, namespace) == {"other"}
    assert done.removed == 1_201


def test_nightshift_s_own_keys_are_nobody_s_cache(
    team: JobContext, client: redis.Redis, namespace: str
) -> None:
    client.set(f"{namespace}:{{email}}:job:1", "x")
    put(client, namespace, "page")
    done = invalidate_cache.run(InvalidateCache(prefixes=[namespace]), team)

    assert done.removed == 1
    assert client.exists(f"{namespace}:{{email}}:job:1")


def test_something_must_be_said_to_be_out_of_date() -> None:
    for text in (b"{}", b'{"prefixes": [""]}', b'{"tags": [""]}'):
        with pytest.raises(InvalidDataError):
            InvalidateCache.parse(text)


def test_sessions_without_an_expiry_go_when_nobody_used_them(
    team: JobContext, client: redis.Redis, namespace: str
) -> None:
    put(client, namespace, "session:old", "session:mortal", "page:1")
    client.expire(f"{namespace}-session:mortal", 1_000)

    fresh = expired_sessions.run(ExpiredSessions(days_old=1), team)
    done = expired_sessions.run(ExpiredSessions(days_old=0), team)

    assert (fresh.removed, fresh.examined) == (0, 2)
    assert (done.removed, done.examined) == (1, 2)
    assert left(client, namespace) == {"session:mortal", "page:1"}


def test_keys_that_lost_their_expiry_go(
    team: JobContext, client: redis.Redis, namespace: str
) -> None:
    ours = (f"{namespace}:{{api}}:idempotency:a", f"{namespace}:memory:b")
    for key in ours:
        client.set(key, "x")
        client.set(f"{key}-mortal", "x", ex=1_000)
    client.set(f"{namespace}:{{api}}:tokens", "x")

    done = idempotency_keys.run(IdempotencyKeys(hours_old=0), team)

    assert sorted(done.examples) == sorted(ours)
    assert len(keys_below(client, f"{namespace}:")) == 3


def test_old_files_of_the_log_folder_go(tmp_path: Path) -> None:
    folder, outside = tmp_path / "logs", tmp_path / "outside"
    for place in (folder / "app", outside):
        place.mkdir(parents=True)
    ages = {
        folder / "a.log": 40,
        folder / "app" / "b.log.1.gz": 31,
        folder / "c.log": 29,
        folder / "notes.txt": 99,
        outside / "d.log": 99,
    }
    for file, days in ages.items():
        file.write_text("x" * 10)
        then = time.time() - days * DAY_S
        os.utime(file, (then, then))
    (folder / "link.log").symlink_to(outside / "d.log")
    (folder / "app" / "links").symlink_to(outside)
    context = make_context(tmp_path / "files", nightshift_log_dir=str(folder))

    dry = old_logs.run(OldLogs(dry_run=True), context)
    assert all(file.exists() for file in ages)
    done = old_logs.run(OldLogs(), context)

    assert dry.removed == done.removed == 2
    assert done.bytes == 20
    assert {file.name for file in ages if file.exists()} == {
        "c.log",
        "notes.txt",
        "d.log",
    }
    assert (folder / "link.log").is_symlink()


@pytest.mark.parametrize("folder", ["", "/no/such/folder"])
def test_a_log_folder_must_be_there(tmp_path: Path, folder: str) -> None:
    with pytest.raises(UnrecoverableError, match="log folder"):
        old_logs.run(OldLogs(), make_context(tmp_path, nightshift_log_dir=folder))


def test_jobs_that_ended_go_and_the_others_stay(
    jobs: Jobs, client: redis.Redis, namespace: str, redis_url: str, tmp_path: Path
) -> None:
    def run(data: Any, context: JobContext) -> Answer:
        if data.text == "fail":
            raise UnrecoverableError(data.text)
        return Answer(text="done")

    task = contract_of("echo", queue="demo")
    with built_broker(redis_url, namespace, tmp_path, {task: run}) as broker:
        ended = [jobs.add("echo", {"msg": "x"}) for _ in range(3)]
        with running_worker(broker):
            for job in ended:
                jobs.wait_for_end(job)
    waiting = jobs.add("echo", {"msg": "x"})
    context = make_context(tmp_path, client=client, namespace=namespace)

    young = finished_jobs.run(FinishedJobs(days_old=1), context)
    dry = finished_jobs.run(FinishedJobs(days_old=0, dry_run=True), context)
    done = finished_jobs.run(FinishedJobs(days_old=0), context)

    assert (young.removed, dry.removed, done.removed) == (0, 3, 3)
    assert all(jobs.inspector.job("demo", job.id) is None for job in ended)
    assert jobs.inspector.job("demo", waiting.id) is not None


def test_files_that_no_job_mentions_go_after_their_days(
    jobs: Jobs, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    context = make_context(tmp_path, client=client, namespace=namespace)
    used, lost, young, torn, bare = (
        context.storage.put(b"12345", name="x", content_type="").id for _ in range(5)
    )
    jobs.add("echo", {"msg": f"uses {used}."}, delay=1_000_000)
    (tmp_path / "about" / f"{torn}.json").unlink()
    (tmp_path / "content" / bare).unlink()
    staged = tmp_path / "content" / f"{torn}x#1"
    staged.write_bytes(b"123")
    then = time.time() - 40 * DAY_S
    for file in tmp_path.rglob("*"):
        if file.is_file() and young not in file.name:
            os.utime(file, (then, then))

    dry = orphaned_artifacts.run(OrphanedArtifacts(dry_run=True), context)
    before = {f.name for f in tmp_path.rglob("*") if f.is_file()}
    done = orphaned_artifacts.run(OrphanedArtifacts(), context)
    after = {f.name for f in tmp_path.rglob("*") if f.is_file()}

    assert dry.removed == done.removed == 4
    assert {lost, torn, bare, staged.name} == set(done.examples)
    assert staged.name in before
    assert after == {used, f"{used}.json", young, f"{young}.json"}
    assert context.storage.read(used) == b"12345"


def test_a_look_that_was_not_finished_removes_nothing(
    jobs: Jobs, client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    context = make_context(tmp_path, client=client, namespace=namespace, timeout_s=0)
    lost = context.storage.put(b"1", name="x", content_type="").id
    jobs.add("echo", {"msg": "x"})
    then = time.time() - 40 * DAY_S
    os.utime(tmp_path / "content" / lost, (then, then))

    done = orphaned_artifacts.run(OrphanedArtifacts(), context)

    assert (done.removed, done.is_complete) == (0, False)
    assert context.storage.read(lost) == b"1"


def test_the_daily_clean_up_starts_what_is_configured(tmp_path: Path) -> None:
    children = Children()
    for attempt in (1, 2):
        done = daily_cleanup.run(
            DailyCleanup(dry_run=True, days_old=9),
            make_context(
                tmp_path,
                children=children,
                job_id="daily:1",
                attempt=attempt,
                nightshift_log_dir=str(tmp_path),
            ),
        )

    names = {child.name for child in children.created.values()}
    assert (
        names
        == set(done.started)
        == {"old-logs", "finished-jobs", "orphaned-artifacts", "idempotency-keys"}
    )
    assert set(done.skipped) == {"expired-sessions", "clean-database"}
    assert all(child.data.dry_run for child in children.created.values())
    by_name = {child.name: child.data for child in children.created.values()}
    assert by_name["old-logs"].days_old == 9


def test_a_healthy_installation_says_what_was_tried(
    client: redis.Redis, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    with SmtpServer() as server:
        context = make_context(
            tmp_path / "files",
            client=client,
            namespace=namespace,
            nightshift_smtp_url=server.url,
            nightshift_cache_url=redis_url,
            nightshift_database_url=f"sqlite:///{tmp_path / 'team.db'}",
        )
        done = health_check.run(HealthCheck(), context)

    assert done.healthy
    assert [check.name for check in done.checks if check.ok] == [
        "redis",
        "storage",
        "disk",
        "mail-server",
        "database",
        "cache",
    ]
    assert done.not_configured == []
    assert [f for f in (tmp_path / "files").rglob("*") if f.is_file()] == []


def test_trouble_fails_the_check_and_everything_else_is_tried(
    client: redis.Redis, namespace: str, tmp_path: Path
) -> None:
    notebook = Notebook()
    context = make_context(
        tmp_path,
        client=client,
        namespace=namespace,
        notebook=notebook,
        nightshift_smtp_url="smtp://127.0.0.1:1",
        nightshift_cache_url="redis://127.0.0.1:1",
    )

    with pytest.raises(Exception, match=r"disk: .*mail-server: .*cache: "):
        health_check.run(HealthCheck(min_free_mb=100_000_000), context)
    told = health_check.run(HealthCheck(fail_on_trouble=False), context)

    assert not told.healthy
    assert {c.name: c.ok for c in told.checks} == {
        "redis": True,
        "storage": True,
        "disk": True,
        "mail-server": False,
        "cache": False,
    }
    assert told.not_configured == ["database"]
