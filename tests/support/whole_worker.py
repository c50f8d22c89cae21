"""A worker inside the test process, wired as in production, with the real tasks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from services.worker.main import build_broker
from services.worker.settings import WorkerSettings
from tests.support.contexts import WEBHOOK_SECRET
from tests.support.in_process_worker import running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def working(
    redis_url: str,
    namespace: str,
    folder: Path,
    *,
    queues: str = "",
    threads: int = 4,
    **settings: Any,
) -> Iterator[None]:
    """Run the worker until the block ends.

    Args:
        redis_url: Its server.
        namespace: Prefix of its keys.
        folder: Where files lie.
        queues: Its queues, separated by commas; empty: all.
        threads: Jobs that run at the same time.
        settings: Further settings, named as in `WorkerSettings`.
    """
    broker = build_broker(
        WorkerSettings(
            redis_url=redis_url,
            nightshift_namespace=namespace,
            nightshift_storage_dir=folder,
            nightshift_webhook_secret=WEBHOOK_SECRET,
            nightshift_webhook_allow_private=True,
            nightshift_worker_queues=queues,
            nightshift_health_port=0,
            **settings,
        )
    )
    with running_worker(broker, threads=threads):
        yield
