"""The line between consumers and worker threads, in the order of the claims.

Dramatiq's own is a heap behind a lock in Python, ordered by an actor's priority. Here
Redis has put the jobs in order already, so the interpreter's plain queue in C will do;
per job that is a tenth of the worker's time.
"""

from __future__ import annotations

import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_S = 0.005


class WorkQueue:
    """What Dramatiq's Worker uses of a `queue.Queue`."""

    def __init__(self, *, unfinished: Callable[[], int]) -> None:
        """Start empty; `unfinished` counts jobs that this process has not settled."""
        self._items: SimpleQueue[Any] = SimpleQueue()
        self._unfinished = unfinished
        self.put = self._items.put
        self.get = self._items.get
        self.get_nowait = self._items.get_nowait

    @property
    def unfinished_tasks(self) -> int:
        """How many jobs are not settled."""
        return self._unfinished()

    def task_done(self) -> None:
        """Do nothing: a job counts as done when its outcome is settled."""

    def join(self) -> None:
        """Wait until every job is settled; for tests."""
        while self._unfinished():
            time.sleep(_POLL_S)
