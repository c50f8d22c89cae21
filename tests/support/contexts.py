"""Job contexts for tests of tasks: what a task reports stays readable."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from services.worker.context import JobContext
from services.worker.settings import WorkerSettings
from shared import ids
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from pathlib import Path

#: 24 zero bytes: a key that protects nothing.
WEBHOOK_SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105


@dataclass
class Notebook:
    """Keeps what a task reports.

    Attributes:
        is_cancelled: What the task is told when it asks.
        cancel_after: Number of progress reports after which it is told to stop.
        reports: The progress, in order.
        lines: The log, in order.
    """

    is_cancelled: bool = False
    cancel_after: int | None = None
    reports: list[Any] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def progress(self, progress: bytes) -> None:
        """Keep the progress."""
        self.reports.append(msgspec.json.decode(progress))
        if self.cancel_after is not None and len(self.reports) >= self.cancel_after:
            self.is_cancelled = True

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Keep the lines."""
        assert operation
        self.lines += lines


def make_context(
    folder: Path,
    *,
    notebook: Notebook | None = None,
    job_id: str = "",
    attempt: int = 1,
    attempts: int = 3,
    timeout_s: float = 30,
    max_file_bytes: int = 100 * 1024 * 1024,
    **settings: Any,
) -> JobContext:
    """Return a context whose files lie in `folder`; `settings` are the worker's."""
    defaults: dict[str, Any] = {
        "redis_url": "redis://127.0.0.1:1",
        "nightshift_storage_dir": folder,
        "nightshift_webhook_secret": WEBHOOK_SECRET,
    }
    return JobContext(
        job_id=job_id or ids.new_id(),
        queue="test",
        name="test",
        attempt=attempt,
        attempts=attempts,
        created_ms=1_790_000_000_000,
        deadline=time.monotonic() + timeout_s,
        storage=Storage(folder, max_bytes=max_file_bytes),
        settings=WorkerSettings(**{**defaults, **settings}),
        reporter=notebook or Notebook(),
    )
