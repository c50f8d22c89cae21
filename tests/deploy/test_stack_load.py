"""Containers that come and go under load lose no job that was accepted."""

from __future__ import annotations

import base64
import dataclasses
import subprocess
from typing import TYPE_CHECKING

import pytest

from shared.contracts import catalogue
from shared.jobs.states import JobState
from tests.support import compose_versions as versions
from tests.support import one_of_each
from tests.support import readme_commands as readme
from tests.support.compose_load import Load, free_port
from tests.support.compose_stack import ROOT, Stack, docker, docker_runs, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.containers,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not docker_runs(), reason="needs a Docker engine"),
]

PORT = free_port()
PHOTO = "examples/photos/rocket.jpg"
#: A film of one second, and the database that clean-database cleans.
FILM = """
set -e
ffmpeg -v error -f lavfi -i testsrc=duration=1:size=320x240 -f matroska /tmp/film.mkv
base64 /tmp/film.mkv
rm /tmp/film.mkv
"""
DATABASE = """
import sqlite3
with sqlite3.connect("/var/lib/nightshift/files/orders.db") as database:
    database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, at DATETIME)")
    database.execute("INSERT INTO orders VALUES (1, '2001-02-03 04:05:06')")
"""
OURS = ("scheduler", "worker", "api")
DEMO = "/api/v1/jobs/demo"
DOCTOR = ("python", "-m", "cli.doctor")
LATER = {"name": "echo", "data": {"msg": "later"}}
#: Options that the version before does not know.
NEW = {
    "tags": ["kept"],
    "group": "shop-1",
    "expiresIn": 7_200_000,
    "deduplication": {"id": "kept"},
    "stackTraceLimit": 3,
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    files = ("docker-compose.yml", "tests/deploy/with-neighbours.yml")
    wanted = Stack(files=files, environment={"API_PORT": str(PORT)})
    with running_stack(wanted, "--scale", "worker=3") as running:
        yield running


def workers(stack: Stack) -> list[str]:
    return stack.compose("ps", "--quiet", "worker").split()


def test_a_job_of_each_task_posted_from_the_host_completes(stack: Stack) -> None:
    stack.inside("worker", "python", "-c", DATABASE)
    wanted = one_of_each.jobs(
        photo=stored(stack, (ROOT / PHOTO).read_bytes(), "image/jpeg"),
        film=stored(
            stack,
            base64.b64decode(stack.inside("worker", "sh", "-c", FILM)),
            "video/x-matroska",
        ),
        table=stored(stack, one_of_each.TABLE, "text/csv"),
    )
    tasks = catalogue.load()
    assert wanted.keys() == tasks.keys()
    posted = {}
    for contract in tasks.values():
        order = {"name": contract.name, "data": wanted[contract.name]}
        posted[contract.name] = (contract.queue, stack.post(contract.queue, order))
    ended = {name: stack.end_of(q, job["id"]) for name, (q, job) in posted.items()}
    failed = {
        name: (job["state"], job.get("failedReason"))
        for name, job in ended.items()
        if job["state"] != "completed"
    }
    assert failed == {}
    mails = stack.inside("mail", "sh", "-c", "cat /var/lib/nightshift/mail/*.eml")
    assert one_of_each.READER in mails
    assert ended["clean-database"]["returnvalue"]["removed"] == 1


def stored(stack: Stack, content: bytes, content_type: str) -> str:
    """Upload a file and return its id."""
    return str(stack.call("/api/v1/files", content, content_type=content_type)["id"])


def test_a_killed_worker_and_a_restart_of_everything_lose_no_job(stack: Stack) -> None:
    stack.up("--scale", "worker=3")
    assert len(workers(stack)) == 3
    with Load(stack, port=PORT, name="roll") as load:
        load.wait_for(50)
        docker("kill", "--signal", "KILL", workers(stack)[0])
        load.wait_for(50)
        stack.up("--scale", "worker=3")
        for worker in workers(stack):
            docker("restart", worker)
            load.wait_for(20)
        for service in ("scheduler", "api", "redis"):
            stack.compose("restart", service)
            load.wait_for(20)
    assert load.states() == {"completed": len(load.accepted)}


def test_a_backup_taken_under_load_accounts_for_every_job(
    stack: Stack, tmp_path: Path
) -> None:
    files = {"jobs.rdb": tmp_path / "jobs.rdb", "files.tar": tmp_path / "files.tar"}
    photo = (ROOT / PHOTO).read_bytes()
    photo_id = stored(stack, photo, "image/jpeg")
    with Load(stack, port=PORT, name="saved") as load:
        load.wait_for(100)
        before = len(load.accepted)
        readme.run(stack, readme.block("**Back up.**"), files=files)
        load.wait_for(20)
    port = free_port()
    fresh = Stack(environment={**stack.environment, "API_PORT": str(port)})
    try:
        # What ran while the snapshot was taken is nobody's now; the doctor looks at it.
        readme.run(fresh, readme.block("**Restore** into an inst"), files=files)
        restored = Load(fresh, port=port)
        restored.accepted = load.accepted[:before]
        assert restored.states() == {"completed": before}
        assert records(fresh, "demo") == counted(fresh, "demo") >= before
        assert "✗" not in fresh.inside("api", *DOCTOR)
        assert fresh.call(f"/api/v1/files/{photo_id}") == photo
        again = backup(fresh, "restore", files["jobs.rdb"])
        assert again.returncode != 0
        assert "has data already" in again.stderr
    finally:
        fresh.compose("down", "--volumes", "--timeout", "5")


def test_secrets_are_rotated_as_the_readme_says(stack: Stack, tmp_path: Path) -> None:
    token = tmp_path / "my-token"
    token.write_text("correct-horse-battery-staple\n")
    password = stack.secret("redis/password")
    readme.run(stack, readme.block("**Rotate a secret.**"), files={"my-token": token})
    assert stack.secret("api/token") == token.read_text().strip()
    assert stack.secret("redis/password") != password
    assert stack.finished_job("demo", "echo", {"msg": "new"})["state"] == "completed"


def test_the_doctor_mends_what_a_bad_day_broke(stack: Stack) -> None:
    job = stack.post("demo", {**LATER, "opts": {"delay": 3_600_000}})
    forget = (
        'REDISCLI_AUTH="$(cat /run/nightshift/redis/password)" '
        f"redis-cli zrem 'nightshift:{{demo}}:delayed' {job['id']}"
    )
    assert stack.inside("redis", "sh", "-c", forget).strip() == "1"

    found = stack.inside("api", *DOCTOR, check=False)
    assert f"lost job {job['id']} (found)" in found
    stack.inside("api", *DOCTOR, "--repair")

    assert stack.end_of("demo", job["id"])["state"] == "completed"
    assert "✗" not in stack.inside("api", *DOCTOR)


@pytest.mark.skipif(not versions.baseline(), reason="git does not have the baseline")
def test_two_versions_share_one_redis_and_lose_no_job() -> None:
    port = free_port()
    new = Stack(environment={"API_PORT": str(port)})
    with versions.built(versions.baseline()) as tag:
        environment = {**new.environment, "NIGHTSHIFT_VERSION": tag}
        old = dataclasses.replace(new, environment=environment)
        try:
            new.compose("build", "--quiet")
            old.up("--scale", "worker=2")
            with Load(old, port=port, name="versions") as load:
                roll_out(new, order=OURS, load=load)
                kept = new.post("demo", {**LATER, "opts": {"delay": 3_600_000, **NEW}})
                roll_out(old, order=OURS[::-1], load=load)
                assert old.call(f"{DEMO}/{kept['id']}")["state"] == "delayed"
                roll_out(new, order=OURS, load=load)
                load.wait_for(20)
            # The old version worked around it and left alone what it did not know.
            new.call(f"{DEMO}/{kept['id']}/promote", b"")
            job = new.end_of("demo", kept["id"])
            assert job["state"] == "completed"
            assert {name: job["opts"].get(name) for name in NEW} == NEW
            assert load.states() == {"completed": len(load.accepted)}
            assert "✗" not in new.inside("api", *DOCTOR)
        finally:
            new.compose("down", "--volumes", "--timeout", "5")


def roll_out(stack: Stack, *, order: tuple[str, ...], load: Load) -> None:
    for service in order:
        load.wait_for(20)
        scale = ("--scale", "worker=2") if service == "worker" else ()
        stack.up("--no-deps", *scale, service)


def records(stack: Stack, queue: str) -> int:
    """Return how many jobs of a queue Redis holds."""
    script = (
        'REDISCLI_AUTH="$(cat /run/nightshift/redis/password)" '
        f"redis-cli --scan --pattern 'nightshift:{{{queue}}}:job:*' | wc -l"
    )
    return int(stack.inside("redis", "sh", "-c", script))


def counted(stack: Stack, queue: str) -> int:
    """Return how many jobs a queue counts in all its states together."""
    stats = stack.call(f"/api/v1/jobs/{queue}/stats")
    return sum(stats[state.value] for state in JobState)


def backup(stack: Stack, action: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "deploy/backup.sh"), action, str(file)],
        cwd=ROOT,
        env={**stack.variables(), "COMPOSE_PROJECT_NAME": stack.project},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
