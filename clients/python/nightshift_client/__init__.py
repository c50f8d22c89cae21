"""A small client of Nightshift's HTTP API; it needs nothing but Python."""

from __future__ import annotations

from nightshift_client.client import Client
from nightshift_client.errors import ApiError, JobFailedError, WaitedTooLongError

__all__ = ["ApiError", "Client", "JobFailedError", "WaitedTooLongError"]
