"""docker-compose.yml for real: built, started and tried from the host."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.compose_stack import ROOT, Stack, docker, docker_runs, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.containers,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not docker_runs(), reason="needs a Docker engine"),
]

OURS = ("api", "worker", "scheduler")
SERVERS = ("redis", *OURS, "mail")
TEMPORARY = "/tmp"  # noqa: S108 - the container's
PHOTO = Path("examples/photos/rocket.jpg")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running_stack(Stack()) as running:
        yield running


def test_every_server_is_healthy_and_the_secrets_are_made(stack: Stack) -> None:
    states = {name: c["State"] for name, c in stack.containers().items()}
    made = states.pop("secrets")
    assert (made["Status"], made["ExitCode"]) == ("exited", 0)
    assert {name: s["Health"]["Status"] for name, s in states.items()} == dict.fromkeys(
        SERVERS, "healthy"
    )


def test_a_job_posted_from_the_host_completes(stack: Stack) -> None:
    job = stack.finished_job("demo", "echo", {"msg": "from the host"})
    assert job["state"] == "completed"
    assert job["returnvalue"]["msg"] == "from the host"


def test_a_file_goes_from_the_api_to_the_worker_and_back(stack: Stack) -> None:
    photo = (ROOT / PHOTO).read_bytes()
    stored = stack.call("/api/v1/files", photo, content_type="image/jpeg")
    job = stack.finished_job(
        "image", "generate-thumbnails", {"source": stored["id"], "sizes": [150]}
    )
    assert job["state"] == "completed", job
    small = job["returnvalue"]["thumbnails"][0]["file"]["id"]
    picture = stack.call(f"/api/v1/files/{small}")
    assert picture[8:12] == b"WEBP"


@pytest.mark.parametrize("service", SERVERS)
def test_a_process_has_no_privilege(stack: Stack, service: str) -> None:
    status = stack.inside(service, "cat", "/proc/self/status", "/proc/1/status")
    facts = set(
        re.findall(r"^(CapEff|NoNewPrivs|Seccomp|Uid):\t(\S+)", status, re.MULTILINE)
    )
    uid = "999" if service == "redis" else "10001"
    assert facts == {
        ("CapEff", "0" * 16),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
        ("Uid", uid),
    }


@pytest.mark.parametrize("service", SERVERS)
def test_only_the_temporary_folder_is_writable(stack: Stack, service: str) -> None:
    folders = f"/ /app /usr /etc {TEMPORARY}"
    script = f"for folder in {folders}; do touch $folder/x && echo $folder; done"
    assert stack.inside(service, "sh", "-c", script, check=False).split() == [TEMPORARY]


@pytest.mark.parametrize("service", SERVERS)
def test_the_memory_is_limited(stack: Stack, service: str) -> None:
    host = stack.containers()[service]["HostConfig"]
    assert 0 < host["Memory"] <= 2 * 1024**3
    assert 0 < host["PidsLimit"] <= 512


@pytest.mark.parametrize(
    ("service", "module"),
    [
        ("api", "PIL"),
        ("api", "httpx2"),
        ("api", "services.worker"),
        ("api", "pip"),
        ("worker", "flask"),
        ("worker", "granian"),
        ("worker", "services.api"),
        ("worker", "pip"),
        ("scheduler", "PIL"),
        ("scheduler", "flask"),
        ("scheduler", "services.worker"),
        ("scheduler", "pip"),
    ],
)
def test_an_image_lacks_what_its_service_does_not_need(
    stack: Stack, service: str, module: str
) -> None:
    script = f"import importlib.util as u; print(u.find_spec({module!r}))"
    assert stack.inside(service, "python", "-c", script) == "None\n"


def test_no_secret_is_in_an_environment_or_in_an_image(stack: Stack) -> None:
    names = ("redis/password", "api/token", "worker/webhook-secret")
    secrets = {stack.secret(name) for name in names}
    for name, container in stack.containers().items():
        config = str(container["Config"]) + str(container["HostConfig"])
        assert not [s for s in secrets if s in config], name
        history = docker("history", "--no-trunc", container["Image"])
        assert not [s for s in secrets if s in history], name


def test_renewed_secrets_replace_the_old_ones(stack: Stack) -> None:
    old = {name: stack.secret(name) for name in ("api/token", "redis/password")}
    for name in old:
        stack.compose("run", "--rm", "--no-TTY", "secrets", "renew", name)
    stack.up("--force-recreate")
    assert all(stack.secret(name) != value for name, value in old.items())
    assert stack.finished_job("demo", "echo", {"msg": "new"})["state"] == "completed"
    login = f"REDISCLI_AUTH={old['redis/password']} redis-cli ping"
    assert "NOAUTH" in stack.inside("redis", "sh", "-c", login)


def test_redis_answers_nobody_without_the_password(stack: Stack) -> None:
    assert "NOAUTH" in stack.inside("redis", "redis-cli", "ping")
    assert not stack.containers()["redis"]["HostConfig"]["PortBindings"]


def test_the_api_answers_on_loopback_only(stack: Stack) -> None:
    assert stack.compose("port", "api", "8000").startswith("127.0.0.1:")


@pytest.mark.parametrize("has_init", [True, False], ids=["init", "own PID 1"])
def test_an_orderly_stop_ends_with_status_0_and_keeps_the_jobs(
    stack: Stack,
    has_init: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    stack.up()
    job = stack.finished_job("demo", "echo", {"msg": "still here"})
    if not has_init:
        files = (*stack.files, "tests/deploy/without-init.yml")
        stack = dataclasses.replace(stack, files=files)
        stack.up()
    stack.compose("stop", *OURS)
    stopped = stack.containers()
    assert {s: stopped[s]["State"]["ExitCode"] for s in OURS} == dict.fromkeys(OURS, 0)
    stack.compose("down")
    stack.up()
    kept = stack.call(f"/api/v1/jobs/demo/{job['id']}")
    assert kept["returnvalue"] == job["returnvalue"]
    assert stack.finished_job("demo", "echo", {"msg": "again"})["state"] == "completed"
