"""No secret of the settings reaches the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from services.api.ui import known_settings
from tests.support.api import api_settings

if TYPE_CHECKING:
    from pathlib import Path

_CANARY = "canary-0123456789abcdef"


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = api_settings(
        f"rediss://me:{_CANARY}@redis.example:6380/0?sentinel_password={_CANARY}",
        "ns",
        tmp_path,
        nightshift_api_token=SecretStr(_CANARY),
        nightshift_s3_secret_access_key=SecretStr(_CANARY),
        nightshift_sentry_dsn=SecretStr(f"https://{_CANARY}@sentry.example/1"),
        nightshift_otlp_endpoint=f"https://me:{_CANARY}@otlp.example/v1",
    )

    shown = {one.name: one for one in known_settings.shown(settings)}

    assert _CANARY not in str(shown)
    assert shown["REDIS_URL"].value == "rediss://••••••••@redis.example:6380/0?••••••••"
    assert shown["NIGHTSHIFT_API_TOKEN"].value == known_settings.MASK
    assert shown["NIGHTSHIFT_OTLP_ENDPOINT"].value.endswith("@otlp.example/v1")


def test_what_nobody_set_is_a_default(tmp_path: Path) -> None:
    shown = {
        one.name: one
        for one in known_settings.shown(api_settings("redis://r", "mine", tmp_path))
    }

    assert shown["NIGHTSHIFT_LOG_LEVEL"].is_default
    assert not shown["NIGHTSHIFT_NAMESPACE"].is_default
