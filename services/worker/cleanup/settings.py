"""Settings of the clean-ups."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from services.worker.cleanup import database_rules
from shared import redis_address
from shared.settings import CommonSettings

if TYPE_CHECKING:
    from services.worker.cleanup.database_rules import Rule


class CleanupSettings(CommonSettings):
    """The team's own cache, logs and database."""

    nightshift_cache_url: SecretStr = Field(
        default=SecretStr(""),
        description="The team's own Redis, with its caches and sessions.",
    )
    nightshift_cache_tag_prefix: str = Field(
        default="tag:",
        min_length=1,
        description="What the key of a tag, a set of keys, begins with there.",
    )
    nightshift_session_prefix: str = Field(
        default="session:",
        min_length=1,
        description="What the key of a session begins with there.",
    )
    nightshift_log_dir: str = Field(
        default="", description="Folder of log files that old-logs cleans."
    )
    nightshift_database_url: SecretStr = Field(
        default=SecretStr(""),
        description="The team's own database, as a SQLAlchemy URL.",
    )
    nightshift_database_rules: str = Field(
        default="",
        description=(
            "What clean-database removes, as JSON: "
            '[{"name": "audit", "table": "audit_log", "column": "created_at", '
            '"days": 90, "archive": true}].'
        ),
    )

    @field_validator("nightshift_database_rules")
    @classmethod
    def _has_rules(cls, value: str) -> str:
        database_rules.parse(value)
        return value

    @field_validator("nightshift_cache_url")
    @classmethod
    def _is_a_redis(cls, value: SecretStr) -> SecretStr:
        if url := value.get_secret_value():
            redis_address.parse(url)
        return value

    @cached_property
    def database_rules(self) -> dict[str, Rule]:
        """What `clean-database` removes, by the rules' names."""
        return database_rules.parse(self.nightshift_database_rules)
