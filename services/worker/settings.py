"""The worker's settings."""

from __future__ import annotations

from pydantic import Field, field_validator

from services.worker import comma_list
from services.worker.cleanup.settings import CleanupSettings
from services.worker.egress.settings import HttpSettings
from services.worker.mail.settings import MailSettings
from services.worker.notifications.settings import NotificationSettings
from services.worker.reports.settings import ReportSettings
from services.worker.webhooks.settings import WebhookSettings
from shared.errors import InvalidNameError
from shared.jobs import names
from shared.settings import CommonSettings, Seconds


class WorkerSettings(
    MailSettings,
    WebhookSettings,
    HttpSettings,
    NotificationSettings,
    CleanupSettings,
    ReportSettings,
    CommonSettings,
):
    """Threads and queues; what tasks need is said by the families above."""

    nightshift_worker_threads: int = Field(
        default=8, ge=1, le=512, description="Jobs that run at the same time."
    )
    nightshift_worker_queues: str = Field(
        default="", description="Queues to work on, separated by commas; empty: all."
    )
    nightshift_grace_s: Seconds = Field(
        default=25, description="Seconds that running jobs get to end at a shutdown."
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
        for queue in comma_list.parts(value):
            try:
                names.check_queue(queue)
            except InvalidNameError as error:
                raise ValueError(str(error)) from None
        return value

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues to work on; empty means all."""
        return comma_list.parts(self.nightshift_worker_queues)
