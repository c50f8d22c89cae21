"""The api's settings, read from the environment."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shared.settings import CommonSettings

#: Long polls and event streams at a time. Each has a thread, which sleeps: 0.1 MB.
WAITING_REQUESTS = 256
#: Threads that answer requests, at most: some are left for requests that do not wait.
#: One that is not needed for 30 s ends.
THREADS = WAITING_REQUESTS + 32
#: Seconds that requests in flight get on shutdown.
GRACE_S = 25

_TOKEN = re.compile(r"[!-~]{16,512}")


class ApiSettings(CommonSettings):
    """What the api needs on top of the common settings."""

    nightshift_api_host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on."
    )
    nightshift_api_port: int = Field(
        default=8000, ge=1, le=65_535, description="Port to listen on."
    )
    # Stands before the token, whose validator looks at it.
    nightshift_api_token_file: Path | None = Field(
        default=None, description="File that holds the bearer token."
    )
    nightshift_api_token: SecretStr = Field(
        default=SecretStr(""),
        validate_default=True,
        description="The bearer token that every call of the API must carry.",
    )
    nightshift_max_body_kb: int = Field(
        default=256, ge=1, le=16_384, description="Largest JSON body, in kilobytes."
    )
    nightshift_demo_endpoints: bool = Field(
        default=False, description="Whether /demo/... answers, without a token."
    )

    nightshift_memory_watermark: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of Redis's maxmemory from which jobs are refused; 0: off.",
    )

    nightshift_event_stream_s: float = Field(
        default=300,
        gt=0,
        le=86_400,
        description="Longest life of an event stream, in seconds; clients come back.",
    )

    @field_validator("nightshift_api_token_file", mode="before")
    @classmethod
    def _empty_means_no_file(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("nightshift_api_token")
    @classmethod
    def _comes_from_one_place(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        file: Path | None = info.data.get("nightshift_api_token_file")
        text = value.get_secret_value()
        if file is not None and text:
            message = "give the token or a token file, not both"
            raise ValueError(message)
        return SecretStr(_checked(_content(file) if file is not None else text))


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        message = "the file in NIGHTSHIFT_API_TOKEN_FILE can't be read"
        raise ValueError(message) from None


def _checked(token: str) -> str:
    if not token:
        message = (
            "it is missing; set it or NIGHTSHIFT_API_TOKEN_FILE, for example to the "
            "output of `openssl rand -hex 32`"
        )
        raise ValueError(message)
    if not _TOKEN.fullmatch(token):
        message = "it needs 16 to 512 printable ASCII characters without a space"
        raise ValueError(message)
    return token
