"""The script that makes the secrets of docker-compose.yml."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy/images/keep_secrets.py"
NAMES = (
    "redis/password",
    "api/token",
    "worker/webhook-secret",
    "grafana/admin-password",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
    return tmp_path


def run(
    root: Path, *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *arguments],
        env={**os.environ, "SECRETS_ROOT": str(root)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


def values(root: Path) -> list[str]:
    return [(root / name).read_text() for name in NAMES]


def test_the_first_run_makes_every_secret_and_the_second_changes_none(
    root: Path,
) -> None:
    assert run(root).returncode == 0
    first = values(root)
    assert len(set(first)) == len(NAMES)
    assert all(len(value) >= 32 for value in first)
    assert run(root).returncode == 0
    assert values(root) == first


def test_the_webhook_secret_has_the_form_of_standard_webhooks(root: Path) -> None:
    run(root)
    secret = (root / "worker/webhook-secret").read_text()
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32


def test_a_secret_can_be_read_but_not_written_by_the_services(root: Path) -> None:
    run(root)
    assert {(root / name).stat().st_mode & 0o777 for name in NAMES} == {0o444}


def test_redis_gets_the_same_password_in_its_own_words(root: Path) -> None:
    run(root, "set", "redis/password", given="correct-horse-battery\n")
    assert (root / "redis/password").read_text() == "correct-horse-battery"
    line = (root / "redis/auth.conf").read_text()
    assert line == 'requirepass "correct-horse-battery"\n'


def test_the_exporter_of_redis_gets_the_same_password_in_its_own_words(
    root: Path,
) -> None:
    run(root)
    (root / "redis/exporter.json").unlink()  # as an older version left it
    run(root)
    password = (root / "redis/password").read_text()
    known = json.loads((root / "redis/exporter.json").read_text())
    assert known["redis://redis:6379"] == password
    assert known["redis://localhost:6379"] == password


def test_a_renewed_secret_is_another_and_shown_on_demand(root: Path) -> None:
    run(root)
    before = run(root, "show", "api/token").stdout
    assert run(root, "renew", "api/token").returncode == 0
    after = run(root, "show", "api/token").stdout
    assert before != after
    assert after == (root / "api/token").read_text() + "\n"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "at least 16"),
        ("short", "at least 16"),
        ("has a space in its middle", "must not hold spaces"),
        ('q"' * 9, "must not hold spaces"),
    ],
)
def test_a_value_that_would_not_work_is_refused(
    root: Path, given: str, sentence: str
) -> None:
    answer = run(root, "set", "redis/password", given=given)
    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert not (root / "redis/password").exists()


def test_two_keys_can_sign_webhooks_while_receivers_change_theirs(root: Path) -> None:
    run(root)
    keys = f"{(root / 'worker/webhook-secret').read_text()} whsec_{'A' * 44}"
    assert run(root, "set", "worker/webhook-secret", given=keys).returncode == 0
    assert (root / "worker/webhook-secret").read_text() == keys


def test_a_secret_of_the_owner_may_be_json(root: Path) -> None:
    channels = '{"ops": "slack://a/b/c"}'
    answer = run(root, "set", "worker/notify-channels", given=channels)
    assert answer.returncode == 0, answer.stderr
    assert (root / "worker/notify-channels").read_text() == channels


@pytest.mark.parametrize(
    "arguments", [("show",), ("set", "x"), ("forget", "api/token")]
)
def test_a_wrong_call_is_answered_with_the_usage(
    root: Path, arguments: tuple[str, ...]
) -> None:
    answer = run(root, *arguments)
    assert answer.returncode == 1
    assert "Usage:" in answer.stderr
    assert "worker/webhook-secret" in answer.stderr
