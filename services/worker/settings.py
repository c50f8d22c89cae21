"""The worker's settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import (
    Field,
    SecretStr,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from services.worker.cleanup import database_rules
from services.worker.egress import credentials, hosts, rates
from services.worker.mail import headers
from services.worker.mail import server as mail_server
from services.worker.notifications import channels
from services.worker.webhooks import signature
from shared.contracts.fields import EmailAddress
from shared.errors import InvalidNameError
from shared.jobs import names
from shared.settings import CommonSettings, Seconds

if TYPE_CHECKING:
    from services.worker.cleanup.database_rules import Rule
    from services.worker.egress.rates import Rate

_MAIL_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)


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
        description=(
            "Keys that sign webhooks, separated by spaces: whsec_ and 24 to 64 bytes "
            "in base64 each; all of them sign."
        ),
    )
    nightshift_webhook_allow_private: bool = Field(
        default=False,
        description="Let webhooks reach loopback and private networks, on any port.",
    )
    nightshift_http_allowed_hosts: str = Field(
        default="",
        description=(
            "Hosts that call-http may call, separated by commas, such as "
            "api.example.com, *.example.org; * is every public host; empty: none."
        ),
    )
    nightshift_http_rates: str = Field(
        default="*=10/s",
        description=(
            "How often call-http calls a host, such as api.example.com=100/m, *=10/s."
        ),
    )
    nightshift_http_headers: SecretStr = Field(
        default=SecretStr(""),
        description=(
            "Headers that call-http adds for a host, as JSON: "
            '{"api.example.com": {"authorization": "Bearer ..."}}.'
        ),
    )
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
    nightshift_report_to: str = Field(
        default="",
        description="Addresses that get the weekly report, separated by commas.",
    )
    nightshift_report_link: str = Field(
        default="http://127.0.0.1:8000/admin/queues",
        pattern=r"^https?://\S+$",
        description="Address of the dashboard, for links in reports.",
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

    @field_validator("nightshift_report_to")
    @classmethod
    def _names_readers(cls, value: str) -> str:
        for address in _split(value):
            _MAIL_ADDRESS.validate_python(address)
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
            signature.parse_secrets(value.get_secret_value())
        return value

    @field_validator("nightshift_http_allowed_hosts")
    @classmethod
    def _names_hosts(cls, value: str) -> str:
        hosts.parse(value)
        return value

    @field_validator("nightshift_http_rates")
    @classmethod
    def _names_rates(cls, value: str) -> str:
        rates.parse(value)
        return value

    @field_validator("nightshift_http_headers")
    @classmethod
    def _names_headers(cls, value: SecretStr) -> SecretStr:
        credentials.parse(value.get_secret_value())
        return value

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

    @field_validator("nightshift_database_rules")
    @classmethod
    def _has_rules(cls, value: str) -> str:
        database_rules.parse(value)
        return value

    @field_validator("nightshift_cache_url")
    @classmethod
    def _is_a_redis(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            message = "must start with redis://, rediss:// or unix://"
            raise ValueError(message)
        return value

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues to work on; empty means all."""
        return _split(self.nightshift_worker_queues)

    @property
    def report_readers(self) -> tuple[str, ...]:
        """Who gets the weekly report."""
        return _split(self.nightshift_report_to)

    @property
    def mail_server(self) -> mail_server.MailServer | None:
        """The mail server; None when there is none."""
        url = self.nightshift_smtp_url.get_secret_value()
        return mail_server.parse(url) if url else None

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """The bytes that sign webhooks; none when webhooks are off."""
        return signature.parse_secrets(
            self.nightshift_webhook_secret.get_secret_value()
        )

    @cached_property
    def http_allowed_hosts(self) -> frozenset[str]:
        """The hosts that `call-http` may call."""
        return hosts.parse(self.nightshift_http_allowed_hosts)

    @cached_property
    def http_rates(self) -> dict[str, Rate]:
        """How often it calls each."""
        return rates.parse(self.nightshift_http_rates)

    @cached_property
    def http_headers(self) -> dict[str, dict[str, str]]:
        """What it adds to the requests to each."""
        return credentials.parse(self.nightshift_http_headers.get_secret_value())

    @cached_property
    def notify_channels(self) -> dict[str, tuple[str, ...]]:
        """The Apprise addresses of each channel."""
        return channels.parse(
            self.nightshift_notify_channels.get_secret_value(),
            schemes=channels.parse_schemes(self.nightshift_notify_schemes),
        )

    @cached_property
    def database_rules(self) -> dict[str, Rule]:
        """What `clean-database` removes, by the rules' names."""
        return database_rules.parse(self.nightshift_database_rules)


def _split(value: str) -> tuple[str, ...]:
    return tuple(part for part in (p.strip() for p in value.split(",")) if part)
