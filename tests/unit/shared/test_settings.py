"""Nonsense in the environment is met with one sentence per variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr, ValidationError

from shared.errors import ConfigurationError
from shared.settings import CommonSettings, Seconds, load

SECRET = "hunter2-hunter2"  # noqa: S105


class Settings(CommonSettings):
    some_grace_s: Seconds = Field(default=25, description="Seconds to finish.")
    some_token: SecretStr = Field(default=SecretStr("-" * 16), min_length=16)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost:6379/0")


def refusal() -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(Settings)
    return str(refused.value)


def test_defaults_hold_where_the_environment_is_silent() -> None:
    settings = load(Settings)
    assert settings.redis_url == "redis://localhost:6379/0"
    assert settings.nightshift_namespace == "nightshift"
    assert settings.nightshift_log_level == "INFO"
    assert settings.nightshift_storage_dir == Path("var/files")
    assert settings.nightshift_max_file_mb == 100


def test_a_variable_is_the_field_in_upper_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", "staging-2")
    monkeypatch.setenv("SOME_GRACE_S", "2.5")
    settings = load(Settings)
    assert settings.nightshift_namespace == "staging-2"
    assert settings.some_grace_s == 2.5


def test_a_missing_variable_is_named_with_its_meaning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REDIS_URL")
    assert refusal() == (
        "Setting REDIS_URL is not usable: Field required. "
        "(Where Redis or Valkey is: one server, Sentinels or a Cluster.)"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDIS_URL", f"http://:{SECRET}@redis"),
        ("REDIS_URL", SECRET),
        ("REDIS_URL", ""),
        ("NIGHTSHIFT_NAMESPACE", f"{SECRET}:"),
        ("NIGHTSHIFT_NAMESPACE", ""),
        ("NIGHTSHIFT_NAMESPACE", "Upper"),
        ("NIGHTSHIFT_NAMESPACE", "a\n"),
        ("NIGHTSHIFT_NAMESPACE", "{a}"),
        ("NIGHTSHIFT_NAMESPACE", "n" * 33),
        ("NIGHTSHIFT_LOG_LEVEL", SECRET),
        ("NIGHTSHIFT_LOG_LEVEL", "debug"),
        ("NIGHTSHIFT_MAX_FILE_MB", SECRET),
        ("NIGHTSHIFT_MAX_FILE_MB", "0"),
        ("NIGHTSHIFT_MAX_FILE_MB", "1e9"),
        ("SOME_GRACE_S", "0"),
        ("SOME_GRACE_S", "nan"),
        ("SOME_GRACE_S", "inf"),
        ("SOME_GRACE_S", "-1"),
        ("SOME_TOKEN", "hunter2"),
    ],
)
def test_nonsense_names_the_variable_and_never_the_value(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    sentence = refusal()
    assert sentence.startswith(f"Setting {variable} is not usable: ")
    assert "\n" not in sentence
    assert "hunter2" not in sentence


def test_every_wrong_variable_has_a_sentence_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in ("REDIS_URL", "NIGHTSHIFT_MAX_FILE_MB", "SOME_GRACE_S"):
        monkeypatch.setenv(variable, "?")
    assert [line.split()[1] for line in refusal().splitlines()] == [
        "REDIS_URL",
        "NIGHTSHIFT_MAX_FILE_MB",
        "SOME_GRACE_S",
    ]


def test_the_refusal_carries_no_trace_of_the_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", SECRET)
    with pytest.raises(ConfigurationError) as refused:
        load(Settings)
    assert refused.value.__suppress_context__
    assert SECRET not in str(refused.value.__context__)


def test_settings_do_not_change() -> None:
    settings = load(Settings)
    with pytest.raises(ValidationError):
        settings.redis_url = "redis://elsewhere"  # type: ignore[misc]


def test_a_secret_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", SECRET * 2)
    settings = load(Settings)
    assert "hunter2" not in repr(settings)
    assert settings.some_token.get_secret_value() == SECRET * 2


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_all_schemes_of_redis_are_taken(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"{scheme}://somewhere")
    assert load(Settings).redis_url == f"{scheme}://somewhere"
