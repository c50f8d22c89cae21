"""What can go wrong."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Raised when the API refuses a request, or can't be reached.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        problem: The problem document, empty without one.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Remember the answer."""
        self.status = status
        self.problem = problem
        super().__init__(problem.get("detail") or f"HTTP {status}")


class JobFailedError(Exception):
    """Raised when a job that was waited for failed or was cancelled; see `job`."""

    def __init__(self, job: dict[str, Any]) -> None:
        """Remember the job."""
        self.job = job
        super().__init__(job.get("failedReason") or f"The job is {job['state']}.")


class WaitedTooLongError(Exception):
    """Raised when a job had not ended in time; see `job`."""

    def __init__(self, job: dict[str, Any]) -> None:
        """Remember the job."""
        self.job = job
        super().__init__(f"The job is still {job['state']}.")
