"""What happened to a job, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.jobs.states import JobState

if TYPE_CHECKING:
    from shared.jobs.job import Job


@dataclass(frozen=True)
class Moment:
    """One thing that happened, or will.

    Attributes:
        at: Epoch milliseconds.
        title: What it was.
        kind: The state whose colour it has.
        detail: More about it.
        ran_ms: How long it took, None for a moment without length.
        is_ahead: Whether it is still to come.
    """

    at: int
    title: str
    kind: str
    detail: str = ""
    ran_ms: int | None = None
    is_ahead: bool = False


_OUTCOMES = {
    "retried": ("failed, another attempt follows", "failed"),
    "failed": ("failed", "failed"),
    "released": ("was handed back, no attempt used", "delayed"),
    "stalled": ("lost its worker", "failed"),
    "cancelled": ("was cancelled", "cancelled"),
}
_ENDS = {
    JobState.COMPLETED: "Completed",
    JobState.FAILED: "Failed for good",
    JobState.CANCELLED: "Cancelled",
}


def timeline(job: Job) -> list[Moment]:
    """Return a job's history, oldest first."""
    moments = [Moment(job.timestamp, "Accepted", "waiting")]
    for number, attempt in enumerate(job.attempts, start=1):
        said, kind = _OUTCOMES.get(attempt.outcome, (attempt.outcome, "cancelled"))
        detail = " · ".join(part for part in (attempt.error, attempt.worker) if part)
        moments.append(
            Moment(
                attempt.started,
                f"Run {number} {said}",
                kind,
                detail,
                attempt.finished - attempt.started,
            )
        )
    by = f"on {job.processed_by}" if job.processed_by else ""
    if job.state is JobState.ACTIVE and job.processed_on is not None:
        number = len(job.attempts) + 1
        moments.append(Moment(job.processed_on, f"Run {number} started", "active", by))
    if job.state in _ENDS and job.finished_on is not None:
        is_good = job.state is JobState.COMPLETED
        ran_ms = None
        if is_good and job.processed_on is not None:
            ran_ms = job.finished_on - job.processed_on
        moments.append(
            Moment(
                job.finished_on,
                _ENDS[job.state],
                job.state.value,
                by if is_good else "",
                ran_ms,
            )
        )
    if job.state is JobState.DELAYED and job.due is not None:
        title = "Next attempt" if job.is_retrying else "Due"
        moments.append(Moment(job.due, title, "delayed", is_ahead=True))
    return moments
