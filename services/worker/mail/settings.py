"""Settings of the mail tasks."""

from __future__ import annotations

from pydantic import Field, SecretStr, field_validator

from services.worker.mail import headers
from services.worker.mail import server as mail_server
from shared.settings import CommonSettings


class MailSettings(CommonSettings):
    """Which server takes mails, and who writes them."""

    nightshift_smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="Mail server, such as smtps://user:password@mail.example.com.",
    )
    nightshift_mail_from: str = Field(
        default="Nightshift <nightshift@localhost>", description="Sender of mails."
    )

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

    @property
    def mail_server(self) -> mail_server.MailServer | None:
        """The mail server; None when there is none."""
        url = self.nightshift_smtp_url.get_secret_value()
        return mail_server.parse(url) if url else None
