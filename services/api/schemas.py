"""What comes in over HTTP, apart from the tasks' own data."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.contracts.model import Model


class JobRequest(Model):
    """The body of `POST /api/v1/jobs/{queue}`, BullMQ's `queue.add(name, data, opts)`.

    Attributes:
        name: The task.
        data: Its input; the task's contract says what it may hold.
        opts: What the caller says about the job.
    """

    name: str = Field(min_length=1, max_length=64)
    data: dict[str, Any] = Field(default={})
    opts: dict[str, Any] = Field(default={})
