"""Secrets may come from files: X_FILE names the file of X."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from redis.connection import parse_url

from shared.errors import ConfigurationError
from shared.settings import CommonSettings, load

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "p/a@s:s%w?o#r d"  # noqa: S105


class Settings(CommonSettings):
    some_key: SecretStr = SecretStr("")
    some_name: str = ""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{PASSWORD}\n")
    monkeypatch.setenv("REDIS_URL", "redis://redis:6379/0")
    return path


def test_a_secret_is_the_text_of_its_file_without_the_line_end(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY_FILE", str(file))
    assert load(Settings).some_key.get_secret_value() == PASSWORD


def test_what_is_no_secret_has_no_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_NAME_FILE", str(file))
    assert load(Settings).some_name == ""


def test_an_empty_variable_means_no_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY_FILE", "")
    monkeypatch.setenv("SOME_KEY", str(file))
    assert load(Settings).some_key.get_secret_value() == str(file)


def test_a_secret_and_its_file_are_refused_together(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY_FILE", str(file))
    monkeypatch.setenv("SOME_KEY", "hunter2")
    with pytest.raises(ConfigurationError, match="SOME_KEY_FILE, not both") as refusal:
        load(Settings)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_missing_or_unusable_file_is_refused_by_name(
    content: bytes | None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY_FILE", str(file))
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="SOME_KEY_FILE is empty or can't"):
        load(Settings)


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("redis://redis:6379/0", None),
        ("rediss://ops@redis:6379/0", "ops"),
        ("unix:///run/redis.sock?db=1", None),
    ],
)
def test_the_driver_gets_the_password_of_redis(
    url: str, user: str | None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(file))
    monkeypatch.setenv("REDIS_URL", url)
    parts = parse_url(load(CommonSettings).redis_url)
    assert parts["password"] == PASSWORD
    assert parts.get("username") == user


def test_two_passwords_of_redis_are_refused_and_not_repeated(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_PASSWORD_FILE", str(file))
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@redis")
    with pytest.raises(ConfigurationError, match="not both") as refusal:
        load(CommonSettings)
    assert "hunter2" not in str(refusal.value)
    assert PASSWORD not in str(refusal.value)
