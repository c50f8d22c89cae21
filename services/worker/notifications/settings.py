"""Settings of `send-notification`."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.worker.notifications import channels
from shared.settings import CommonSettings


class NotificationSettings(CommonSettings):
    """The channels, and which kinds of addresses they may have."""

    nightshift_notify_schemes: str = Field(
        default=channels.USUAL_SCHEMES,
        description="Kinds of Apprise addresses that channels may use.",
    )
    # Stands after the schemes, which its validator asks for.
    nightshift_notify_channels: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Channels of send-notification, as JSON: "
            '{"ops": "slack://...", "phone": ["ntfys://..."]}.'
        ),
    )

    @field_validator("nightshift_notify_schemes")
    @classmethod
    def _names_schemes(cls, value: str) -> str:
        channels.parse_schemes(value)
        return value

    @field_validator("nightshift_notify_channels")
    @classmethod
    def _names_channels(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        schemes = channels.parse_schemes(info.data.get("nightshift_notify_schemes", ""))
        channels.parse(value.get_secret_value(), schemes=schemes)
        return value

    @cached_property
    def notify_channels(self) -> dict[str, tuple[str, ...]]:
        """The Apprise addresses of each channel."""
        return channels.parse(
            self.nightshift_notify_channels.get_secret_value(),
            schemes=channels.parse_schemes(self.nightshift_notify_schemes),
        )
