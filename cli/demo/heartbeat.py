"""Finds the job that the demo's schedule made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shared import clock

if TYPE_CHECKING:
    from cli.demo.api_client import ApiClient, Document

SCHEDULE = "demo-heartbeat"
EVERY_MS = 5000
QUEUE = "demo"
#: The next slot is at most one interval away, and then the job runs.
TIMEOUT_S = 3 * EVERY_MS / 1000


def find(client: ApiClient, *, since_ms: int) -> Document | None:
    """Return the first completed job of a slot since `since_ms`, None when none is."""
    first = -(-since_ms // EVERY_MS) * EVERY_MS
    for slot in range(first, clock.now_ms() + 1, EVERY_MS):
        job = client.job(QUEUE, f"{SCHEDULE}:{slot}")
        if job is not None and job["state"] == "completed":
            return job
    return None


def described(job: Document) -> str:
    """Return which slot the job is of, and how exactly it was met."""
    slot_ms = int(str(job["id"]).rpartition(":")[2])
    late = int(job["timestamp"]) - slot_ms
    moment = time.strftime("%H:%M:%S", time.localtime(slot_ms / 1000))
    return f"slot {moment} fired {late} ms late"
