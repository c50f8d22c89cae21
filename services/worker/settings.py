"""The worker's settings."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from services.worker.mail import headers
from services.worker.mail import server as mail_server
from services.worker.webhooks import signature
from shared.errors import InvalidNameError
from shared.jobs import names
from shared.settings import CommonSettings, Seconds


class WorkerSettings(CommonSettings):
    """Threads, queues, and the servers that tasks speak to."""

    nightshift_worker_threads: int = Field(
        default=8, ge=1, le=512, description="Jobs that run at the same time."
    )
    nightshift_worker_queues: str = Field(
        default="", description="Queues to work on, separated by commas; empty: all."
    )
    nightshift_grace_s: Seconds = Field(
        default=25, description="Seconds that running jobs get to end at a shutdown."
    )
    nightshift_smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="Mail server, such as smtps://user:password@mail.example.com.",
    )
    nightshift_mail_from: str = Field(
        default="Nightshift <nightshift@localhost>", description="Sender of mails."
    )
    nightshift_webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Key that signs webhooks: whsec_ and 24 to 64 bytes in base64.",
    )
    nightshift_webhook_allow_private: bool = Field(
        default=False,
        description="Let webhooks reach loopback and private networks, on any port.",
    )
    nightshift_health_host: str = Field(
        default="127.0.0.1", description="Address of the health and metrics port."
    )
    nightshift_health_port: int = Field(
        default=9101, ge=0, le=65_535, description="Its number; 0 turns it off."
    )

    @field_validator("nightshift_worker_queues")
    @classmethod
    def _names_queues(cls, value: str) -> str:
        for queue in _split(value):
            try:
                names.check_queue(queue)
            except InvalidNameError as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("nightshift_smtp_url")
    @classmethod
    def _is_a_mail_server(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            mail_server.parse(value.get_secret_value())
        return value

    @field_validator("nightshift_mail_from")
    @classmethod
    def _is_a_mailbox(cls, value: str) -> str:
        if not headers.is_mailbox(value):
            message = "must look like 'Example Shop <shop@example.com>'"
            raise ValueError(message)
        return value

    @field_validator("nightshift_webhook_secret")
    @classmethod
    def _is_a_webhook_secret(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            signature.parse_secret(value.get_secret_value())
        return value

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues to work on; empty means all."""
        return _split(self.nightshift_worker_queues)

    @property
    def mail_server(self) -> mail_server.MailServer | None:
        """The mail server; None when there is none."""
        url = self.nightshift_smtp_url.get_secret_value()
        return mail_server.parse(url) if url else None

    @property
    def webhook_key(self) -> bytes | None:
        """The bytes that sign webhooks; None when there are none."""
        secret = self.nightshift_webhook_secret.get_secret_value()
        return signature.parse_secret(secret) if secret else None


def _split(value: str) -> tuple[str, ...]:
    return tuple(part for part in (p.strip() for p in value.split(",")) if part)
