"""Where things are."""

from __future__ import annotations

from urllib.parse import quote

JOBS = "/api/v1/jobs"
QUEUES = "/api/v1/queues"
OPERATIONS = "/api/v1/operations"


def job_address(queue: str, job_id: str) -> str:
    """Return the address of a job."""
    return f"{JOBS}/{queue}/{quote(job_id, safe=':@')}"
