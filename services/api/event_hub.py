"""Wakes requests that wait for a job: one thread listens for all of them."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared import logging
from shared.errors import BrokerError
from shared.jobs.events import FINAL_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.broker.event_reader import Event, EventReader

#: A queue that gets its first waiter joins the streams being read this late at most.
BLOCK_MS = 250
#: Pause between two tries to reach Redis.
RETRY_S = 0.5

_log = logging.get(__name__)

_Key = tuple[str, str]


class EventHub:
    """Tells waiters when it is worth looking at their job again.

    The thread starts with the first waiter and sleeps while there is none. A wake-up
    is a hint: who is woken looks at the job itself.
    """

    def __init__(self, reader: EventReader) -> None:
        """Listen through `reader`, which nobody else uses."""
        self._reader = reader
        self._condition = threading.Condition()
        self._waiters: dict[_Key, set[threading.Event]] = defaultdict(set)
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether waiting has become pointless because the process ends."""
        return self._stopping.is_set()

    @contextmanager
    def waiter(self, queue: str, job_id: str) -> Iterator[threading.Event]:
        """Give an event that is set when the job may have ended.

        Look at the job once after this began: what happened before is not told.
        """
        event = threading.Event()
        key = (queue, job_id)
        with self._condition:
            self._waiters[key].add(event)
            self._ensure_running()
            self._condition.notify()
        try:
            yield event
        finally:
            with self._condition:
                self._waiters[key].discard(event)
                if not self._waiters[key]:
                    del self._waiters[key]

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Wake everybody and end the thread; waiting is over for good."""
        self._stopping.set()
        with self._condition:
            self._condition.notify()
            self._wake(self._waiters)
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _ensure_running(self) -> None:
        if self._thread is None and not self.is_stopping:
            self._thread = threading.Thread(
                target=self._run, name="event-hub", daemon=True
            )
            self._thread.start()

    def _run(self) -> None:
        cursors: dict[str, str] = {}
        while queues := self._wanted():
            try:
                cursors = self._follow(queues, cursors)
                self._tell(self._reader.read(cursors, block_ms=BLOCK_MS), cursors)
            except BrokerError as error:
                cursors = {}
                _log.warning("event_hub_interrupted", reason=str(error))
                self._stopping.wait(RETRY_S)
            except Exception:  # noqa: BLE001 - the top of a thread
                # The thread must outlive what it did not expect, or polls go deaf.
                cursors = {}
                _log.exception("event_hub_failed")
                self._stopping.wait(RETRY_S)

    def _wanted(self) -> set[str]:
        """Return the queues that somebody waits for; none means it is time to end."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiters or self.is_stopping)
            return set() if self.is_stopping else {queue for queue, _ in self._waiters}

    def _follow(self, queues: set[str], cursors: dict[str, str]) -> dict[str, str]:
        """Return the cursors of exactly `queues`, those at hand unchanged."""
        joining = queues - cursors.keys()
        tails = self._reader.tail_ids(sorted(joining)) if joining else {}
        kept = {queue: at for queue, at in cursors.items() if queue in queues}
        if tails:
            # A job may have ended before the tail was read: its waiter looks again.
            with self._condition:
                self._wake(key for key in self._waiters if key[0] in joining)
        return {**kept, **tails}

    def _tell(self, events: Iterable[Event], cursors: dict[str, str]) -> None:
        for event in events:
            cursors[event.queue] = event.id
            if event.name in FINAL_EVENTS:
                with self._condition:
                    self._wake([(event.queue, event.job_id)])

    def _wake(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            for event in self._waiters.get(key, ()):
                event.set()
