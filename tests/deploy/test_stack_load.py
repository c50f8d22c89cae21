"""Containers that come and go under load lose no job that was accepted."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import TYPE_CHECKING

import pytest

from cli.demo.orders import orders, recipient
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from tests.support import compose_versions as versions
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
RECEIVER = "http://receiver.example:9000/hook"
#: What not every version knows.
TAGS = {"tags": ["kept"]} if "tags" in JobOptions.model_fields else {}
TAGGED = {
    "name": "echo",
    "data": {"msg": "later"},
    "opts": {"delay": 20_000, **TAGS},
}
PHOTO = "examples/photos/rocket.jpg"
OURS = ("scheduler", "worker", "api")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    files = ("docker-compose.yml", "tests/deploy/with-receiver.yml")
    wanted = Stack(files=files, environment={"API_PORT": str(PORT)})
    with running_stack(wanted, "--scale", "worker=3") as running:
        yield running


def workers(stack: Stack) -> list[str]:
    return stack.compose("ps", "--quiet", "worker").split()


def test_a_job_of_each_kind_posted_from_the_host_completes(stack: Stack) -> None:
    photo = (ROOT / PHOTO).read_bytes()
    stored = stack.call("/api/v1/files", photo, content_type="image/jpeg")
    wanted = orders(run="r1", photo=stored["id"], webhook_url=RECEIVER)
    jobs = [(o, stack.post(o.queue, o.body())) for o in wanted]
    ended = {o.label: stack.end_of(o.queue, job["id"]) for o, job in jobs}
    failed = {label: job for label, job in ended.items() if job["state"] != "completed"}
    assert failed == {}
    mails = stack.inside("mail", "sh", "-c", "cat /var/lib/nightshift/mail/*.eml")
    assert recipient("r1") in mails
    assert {o.name for o in wanted} >= {"send-email", "deliver-webhook", "echo"}


def test_a_killed_worker_and_a_restart_of_everything_lose_no_job(stack: Stack) -> None:
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
    snapshot = tmp_path / "jobs.rdb"
    with Load(stack, port=PORT, name="saved") as load:
        load.wait_for(100)
        before = len(load.accepted)
        backup(stack, "save", snapshot)
        load.wait_for(20)
    port = free_port()
    environment = {**stack.environment, "API_PORT": str(port)}
    fresh = Stack(environment=environment)
    try:
        fresh.compose("run", "--rm", "--no-TTY", "secrets")
        backup(fresh, "restore", snapshot)
        fresh.up()
        restored = Load(fresh, port=port)
        restored.accepted = load.accepted[:before]
        assert restored.states() == {"completed": before}
        assert records(fresh, "demo") == counted(fresh, "demo") >= before
        again = backup(fresh, "restore", snapshot, check=False)
        assert "has data already" in again.stderr
    finally:
        fresh.compose("down", "--volumes", "--timeout", "5")


@pytest.mark.skipif(not versions.before_this(), reason="git knows no earlier version")
def test_two_versions_share_one_redis_and_lose_no_job() -> None:
    port = free_port()
    new = Stack(environment={"API_PORT": str(port)})
    with versions.built(versions.before_this()) as tag:
        environment = {**new.environment, "NIGHTSHIFT_VERSION": tag}
        old = dataclasses.replace(new, environment=environment)
        try:
            new.compose("build", "--quiet")
            old.up("--scale", "worker=2")
            with Load(old, port=port, name="versions") as load:
                roll_out(new, order=OURS, load=load)
                kept = new.post("demo", TAGGED)
                roll_out(old, order=OURS[::-1], load=load)
                load.wait_for(20)
            new.up("--no-deps", "api")
            # The old worker ran it, and left alone what it did not understand.
            job = new.end_of("demo", kept["id"])
            assert job["state"] == "completed"
            assert "kept" in str(job) or not TAGS
            assert load.states() == {"completed": len(load.accepted)}
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


def backup(
    stack: Stack, action: str, file: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run(
        [str(ROOT / "deploy/backup.sh"), action, str(file)],
        cwd=ROOT,
        env={**stack.variables(), "COMPOSE_PROJECT_NAME": stack.project},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or answer.returncode == 0, answer.stderr
    return answer
