"""Settings of the webhook tasks."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from services.worker.webhooks import signature
from shared.settings import CommonSettings


class WebhookSettings(CommonSettings):
    """What signs webhooks, and where they may go."""

    nightshift_webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Keys that sign webhooks, separated by spaces: whsec_ and 24 to 64 bytes "
            "in base64 each; all of them sign."
        ),
    )
    nightshift_webhook_allow_private: bool = Field(
        default=False,
        description="Let webhooks reach loopback and private networks, on any port.",
    )

    @field_validator("nightshift_webhook_secret")
    @classmethod
    def _is_a_webhook_secret(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            signature.parse_secrets(value.get_secret_value())
        return value

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The bytes that sign webhooks; none when webhooks are off."""
        return signature.parse_secrets(
            self.nightshift_webhook_secret.get_secret_value()
        )
