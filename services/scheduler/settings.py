"""The scheduler's settings."""

from __future__ import annotations

from pydantic import Field

from shared.schedules.cron import MAX_EVERY_MS, MIN_EVERY_MS
from shared.settings import CommonSettings


class SchedulerSettings(CommonSettings):
    """What the scheduler needs beside what every service needs."""

    nightshift_default_schedules: bool = Field(
        default=True, description="Whether the default schedules are declared."
    )
    nightshift_tz: str = Field(
        default="UTC", description="Time zone of the default schedules."
    )
    nightshift_demo_schedule: bool = Field(
        default=False, description="Whether the schedule of the demo runs."
    )
    nightshift_demo_every_ms: int = Field(
        default=5_000,
        ge=MIN_EVERY_MS,
        le=MAX_EVERY_MS,
        description="Milliseconds between two slots of the demo's schedule.",
    )
    nightshift_health_host: str = Field(
        default="127.0.0.1", description="Address of probes and metrics."
    )
    nightshift_health_port: int = Field(
        default=9102, ge=0, le=65_535, description="Port of probes and metrics; 0: off."
    )
