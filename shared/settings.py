"""Settings come from the environment; nonsense stops the process with a sentence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared import redis_address
from shared.errors import ConfigurationError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class CommonSettings(BaseSettings):
    """What every service needs; each service adds its own in a subclass.

    Every field is the environment variable of the same name in upper case.
    """

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # Stands before the URL, whose validator puts it in.
    redis_password: SecretStr = Field(
        default=SecretStr(""), description="The password that REDIS_URL leaves out."
    )
    redis_sentinel_password: SecretStr = Field(
        default=SecretStr(""),
        description="The Sentinels' own password, which REDIS_URL leaves out.",
    )
    redis_url: str = Field(
        description="Where Redis or Valkey is: one server, Sentinels or a Cluster."
    )
    nightshift_namespace: str = Field(
        default="nightshift",
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$",
        description="Prefix of every Redis key; two installations may share a server.",
    )
    nightshift_version: str = Field(
        default="dev", description="Version that metrics tell; images set it."
    )
    nightshift_revision: str = Field(
        default="unknown", description="Commit that metrics tell; images set it."
    )
    nightshift_log_level: LogLevel = Field(
        default="INFO", description="Lowest level of log lines."
    )
    nightshift_otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^/?#\s]+(/[^?#\s]*)?)?$",
        description="Where traces go, as http://collector:4318; empty: nowhere.",
    )
    nightshift_otlp_ratio: float = Field(
        default=1.0, ge=0, le=1, description="Share of the new traces that are kept."
    )
    nightshift_sentry_dsn: SecretStr = Field(
        default=SecretStr(""),
        description="Sentry project that errors are reported to; empty: none.",
    )
    nightshift_durability: Literal["memory", "fsync", "replicated"] = Field(
        default="memory", description="How safe a job is before the api answers 202."
    )
    nightshift_storage_dir: Path = Field(
        default=Path("var/files"), description="Folder of uploads and artifacts."
    )
    nightshift_storage_url: str = Field(
        default="",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?)?$",
        description="Bucket for the files, as s3://bucket/prefix; empty: the folder.",
    )
    nightshift_s3_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^/?#]+/?)?$",
        description="Address of the S3 server; empty: Amazon's.",
    )
    nightshift_s3_region: str = Field(
        default="us-east-1", description="Region of the bucket."
    )
    nightshift_s3_access_key_id: str = Field(
        default="", description="Access key; empty: the one of the machine."
    )
    nightshift_s3_secret_access_key: SecretStr = Field(
        default=SecretStr(""), description="The secret of the access key."
    )
    nightshift_max_file_mb: int = Field(
        default=100, ge=1, le=10_000, description="Largest file, in megabytes."
    )

    @field_validator("redis_url")
    @classmethod
    def _names_a_redis(cls, value: str) -> str:
        redis_address.parse(value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _takes_in_the_passwords(cls, value: str, info: ValidationInfo) -> str:
        redis, sentinel = (
            secret.get_secret_value() if (secret := info.data.get(name)) else ""
            for name in ("redis_password", "redis_sentinel_password")
        )
        return redis_address.with_passwords(value, redis=redis, sentinel=sentinel)


S = TypeVar("S", bound=BaseSettings)


def load(settings_class: type[S]) -> S:
    """Read the environment into `settings_class`.

    A secret named X may come from the file that X_FILE names.

    Raises:
        ConfigurationError: When a variable is missing or nonsense; the message has
            one sentence per variable and never repeats the value, it may be a secret.
    """
    secrets = _secrets_in_files(settings_class)
    try:
        return settings_class.model_validate(secrets)
    except ValidationError as error:
        sentences = [
            _sentence(settings_class, e["loc"], e["msg"]) for e in error.errors()
        ]
        raise ConfigurationError("\n".join(sentences)) from None


def _secrets_in_files(settings_class: type[BaseSettings]) -> dict[str, str]:
    found = {}
    for field, known in settings_class.model_fields.items():
        if known.annotation is not SecretStr:
            continue
        name = field.upper()
        path = os.environ.get(f"{name}_FILE")
        if not path or f"{field}_file" in settings_class.model_fields:
            continue
        if os.environ.get(name):
            message = f"Give {name} or {name}_FILE, not both."
            raise ConfigurationError(message)
        found[field] = _content(path, variable=f"{name}_FILE")
    return found


def _content(path: str, *, variable: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text:
        message = f"The file in {variable} is empty or can't be read: {path}"
        raise ConfigurationError(message)
    return text


def _sentence(
    settings_class: type[BaseSettings], location: tuple[int | str, ...], message: str
) -> str:
    field = str(location[0]) if location else ""
    known = settings_class.model_fields.get(field)
    meaning = f" ({known.description})" if known and known.description else ""
    reason = message.removeprefix("Value error, ")
    return f"Setting {field.upper()} is not usable: {reason}.{meaning}"
