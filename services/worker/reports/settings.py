"""Settings of the weekly report."""

from __future__ import annotations

from pydantic import Field, TypeAdapter, field_validator

from services.worker import comma_list
from shared.contracts.fields import EmailAddress
from shared.settings import CommonSettings

_MAIL_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)


class ReportSettings(CommonSettings):
    """Who gets the weekly report, and where it leads."""

    nightshift_report_to: str = Field(
        default="",
        description="Addresses that get the weekly report, separated by commas.",
    )
    nightshift_report_link: str = Field(
        default="http://127.0.0.1:8000/admin/queues",
        pattern=r"^https?://\S+$",
        description="Address of the dashboard, for links in reports.",
    )

    @field_validator("nightshift_report_to")
    @classmethod
    def _names_readers(cls, value: str) -> str:
        for address in comma_list.parts(value):
            _MAIL_ADDRESS.validate_python(address)
        return value

    @property
    def report_readers(self) -> tuple[str, ...]:
        """Who gets the weekly report."""
        return comma_list.parts(self.nightshift_report_to)
