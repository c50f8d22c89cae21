from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.settings import ApiSettings
from shared import settings
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "0123456789abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing but a Redis URL, whatever the machine has."""
    for field in ApiSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1")
    return monkeypatch


def test_refuses_to_start_without_a_token() -> None:
    with pytest.raises(ConfigurationError, match="NIGHTSHIFT_API_TOKEN is not usable"):
        settings.load(ApiSettings)


@pytest.mark.parametrize(
    "token", ["", "short", "fifteen-letters", "with a space in it", "ümlaut" * 4]
)
def test_refuses_a_weak_token_without_repeating_it(
    token: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("NIGHTSHIFT_API_TOKEN", token)

    with pytest.raises(ConfigurationError) as caught:
        settings.load(ApiSettings)

    assert not token or token not in str(caught.value)


def test_takes_the_token_from_a_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{GOOD}\n")
    environment.setenv("NIGHTSHIFT_API_TOKEN_FILE", str(file))

    loaded = settings.load(ApiSettings)

    assert loaded.nightshift_api_token.get_secret_value() == GOOD
    assert GOOD not in repr(loaded)


def test_takes_an_empty_file_name_as_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NIGHTSHIFT_API_TOKEN_FILE", "")
    environment.setenv("NIGHTSHIFT_API_TOKEN", GOOD)

    assert settings.load(ApiSettings).nightshift_api_token_file is None


def test_refuses_a_token_and_a_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("NIGHTSHIFT_API_TOKEN_FILE", str(tmp_path))
    environment.setenv("NIGHTSHIFT_API_TOKEN", GOOD)

    with pytest.raises(ConfigurationError, match="not both"):
        settings.load(ApiSettings)


def test_refuses_a_file_that_can_not_be_read(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("NIGHTSHIFT_API_TOKEN_FILE", str(tmp_path / "absent"))

    with pytest.raises(ConfigurationError, match="can't be read"):
        settings.load(ApiSettings)


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_refuses_a_port_that_is_none(
    port: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("NIGHTSHIFT_API_TOKEN", GOOD)
    environment.setenv("NIGHTSHIFT_API_PORT", port)

    with pytest.raises(ConfigurationError, match="NIGHTSHIFT_API_PORT"):
        settings.load(ApiSettings)
