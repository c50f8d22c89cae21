"""Settings of `call-http`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, field_validator

from services.worker.egress import credentials, hosts, rates
from shared.settings import CommonSettings

if TYPE_CHECKING:
    from services.worker.egress.rates import Rate


class HttpSettings(CommonSettings):
    """Which hosts may be called, how often, and with which headers."""

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
