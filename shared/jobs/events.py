"""The events that scripts write to a queue's stream, as BullMQ names them."""

from __future__ import annotations

from enum import StrEnum


class JobEvent(StrEnum):
    """What happened to a job."""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    PROGRESS = "progress"
    COMPLETED = "completed"
    FAILED = "failed"
    STALLED = "stalled"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    REMOVED = "removed"
    DEDUPLICATED = "deduplicated"
    PAUSED = "paused"
    RESUMED = "resumed"


#: After one of these nothing more happens to the job by itself.
FINAL_EVENTS = frozenset(
    {JobEvent.COMPLETED, JobEvent.FAILED, JobEvent.CANCELLED, JobEvent.REMOVED}
)
