"""Job contexts for tests of tasks: what a task reports stays readable."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from services.worker.context import JobContext
from services.worker.memory import RedisMemory
from services.worker.settings import WorkerSettings
from shared import ids
from shared.broker.connection import connect
from shared.broker.inspector import Inspector
from shared.broker.operator import Operator
from shared.contracts import catalogue
from shared.storage.storage import Storage
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.worker.memory import Memory
    from shared.contracts.model import Model

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


@dataclass(frozen=True)
class Child:
    """A job that a task asked for."""

    name: str
    data: Any
    job_id: str
    delay_ms: int


class Children:
    """Keeps what a task asked for, each job id once."""

    def __init__(self) -> None:
        """Begin with none."""
        self.created: dict[str, Child] = {}
        self._catalogue = catalogue.load()

    def create(self, name: str, data: Model, *, job_id: str, delay_ms: int) -> bool:
        """Keep the job unless its id is known."""
        self._catalogue.find(name).data.parse(data.dump())
        if job_id in self.created:
            return False
        self.created[job_id] = Child(name, data, job_id, delay_ms)
        return True


def make_context(  # noqa: PLR0913 - each is what some test is about
    folder: Path,
    *,
    notebook: Notebook | None = None,
    client: redis.Redis | None = None,
    namespace: str = "nightshift",
    memory: Memory | None = None,
    children: Children | None = None,
    job_id: str = "",
    attempt: int = 1,
    attempts: int = 3,
    timeout_s: float = 30,
    created_ms: int = 1_790_000_000_000,
    max_file_bytes: int = 100 * 1024 * 1024,
    **settings: Any,
) -> JobContext:
    """Return a context whose files lie in `folder`; `settings` are the worker's.

    Without `client` there is no Redis: what a task remembers lies in a Shelf.
    """
    kept = Shelf() if client is None else RedisMemory(client, namespace=namespace)
    client = client or connect("redis://127.0.0.1:1", timeout_s=0.2)
    known = catalogue.load()
    defaults: dict[str, Any] = {
        "nightshift_namespace": namespace,
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
        created_ms=created_ms,
        deadline=time.monotonic() + timeout_s,
        storage=Storage(folder, max_bytes=max_file_bytes),
        settings=WorkerSettings(**{**defaults, **settings}),
        reporter=notebook or Notebook(),
        memory=memory or kept,
        children=children or Children(),
        inspector=Inspector(client, namespace=namespace, catalogue=known),
        operator=Operator(client, namespace=namespace, catalogue=known),
    )
