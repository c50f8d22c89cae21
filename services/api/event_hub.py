"""Wakes requests that wait for a job: one thread listens for all of them."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from itertools import groupby
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

#: Entries that wait for a slow reader.
MAX_PENDING = 2_000

_log = logging.get(__name__)

_Key = tuple[str, str]


class Subscription:
    """The events of one queue, for one reader.

    After `start` is known, every later event comes through `next_entry`. When the
    hub lost the thread, or the reader was too slow, `start` is unknown again and the
    reader has to read what lies between from the stream itself.
    """

    def __init__(self, queue: str) -> None:
        """Wait for the hub to follow `queue`."""
        self.queue = queue
        self._changed = threading.Condition()
        self._entries: deque[list[Event]] = deque()
        self._start: str | None = None
        self._closed = False

    def start(self, *, timeout_s: float) -> str | None:
        """Return the stream id after which events are told; None if not in time."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._start is not None or self._closed, timeout_s
            )
            return self._start

    def next_entry(self, *, timeout_s: float) -> list[Event] | None:
        """Return the events of the next entry; empty in vain, None after a gap."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._entries or self._start is None or self._closed, timeout_s
            )
            if self._start is None:
                return None
            return self._entries.popleft() if self._entries else []

    def has_closed(self) -> bool:
        """Whether nothing comes any more."""
        return self._closed

    def begin(self, at: str) -> None:
        """Let events after `at` count, unless that is so already."""
        with self._changed:
            if self._start is None:
                self._start = at
                self._changed.notify_all()

    def put(self, entry: list[Event]) -> None:
        """Hand an entry over; a reader who is too slow loses the thread instead."""
        with self._changed:
            if self._start is None:
                return
            if len(self._entries) >= MAX_PENDING:
                self._lose_the_thread()
                return
            self._entries.append(entry)
            self._changed.notify_all()

    def lose_the_thread(self) -> None:
        """Tell the reader that events may be missing."""
        with self._changed:
            self._lose_the_thread()

    def close(self) -> None:
        """Tell the reader that nothing comes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _lose_the_thread(self) -> None:
        self._start = None
        self._entries.clear()
        self._changed.notify_all()


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
        self._subscriptions: set[Subscription] = set()
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

    @contextmanager
    def subscription(self, queue: str) -> Iterator[Subscription]:
        """Give the events of a queue from about now on."""
        subscription = Subscription(queue)
        with self._condition:
            self._subscriptions.add(subscription)
            self._ensure_running()
            self._condition.notify()
        if self.is_stopping:
            subscription.close()
        try:
            yield subscription
        finally:
            with self._condition:
                self._subscriptions.discard(subscription)

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Wake everybody and end the thread; waiting is over for good."""
        self._stopping.set()
        with self._condition:
            self._condition.notify()
            self._wake(self._waiters)
            for subscription in self._subscriptions:
                subscription.close()
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
                cursors = self._nowhere()
                _log.warning("event_hub_interrupted", reason=str(error))
                self._stopping.wait(RETRY_S)
            except Exception:  # noqa: BLE001 - the top of a thread
                # The thread must outlive what it did not expect, or polls go deaf.
                cursors = self._nowhere()
                _log.exception("event_hub_failed")
                self._stopping.wait(RETRY_S)

    def _wanted(self) -> set[str]:
        """Return the queues that somebody waits for; none means it is time to end."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._waiters or self._subscriptions or self.is_stopping
            )
            if self.is_stopping:
                return set()
            waited_for = {queue for queue, _ in self._waiters}
            return waited_for | {s.queue for s in self._subscriptions}

    def _nowhere(self) -> dict[str, str]:
        """Return the cursors after an interruption: none, and all readers know it."""
        with self._condition:
            for subscription in self._subscriptions:
                subscription.lose_the_thread()
        return {}

    def _follow(self, queues: set[str], cursors: dict[str, str]) -> dict[str, str]:
        """Return the cursors of exactly `queues`, those at hand unchanged."""
        joining = queues - cursors.keys()
        tails = self._reader.tail_ids(sorted(joining)) if joining else {}
        kept = {queue: at for queue, at in cursors.items() if queue in queues}
        if tails:
            # A job may have ended before the tail was read: its waiter looks again.
            with self._condition:
                self._wake(key for key in self._waiters if key[0] in joining)
        cursors = {**kept, **tails}
        with self._condition:
            for subscription in self._subscriptions:
                if subscription.queue in cursors:
                    subscription.begin(cursors[subscription.queue])
        return cursors

    def _tell(self, events: Iterable[Event], cursors: dict[str, str]) -> None:
        for (queue, at), group in groupby(events, key=lambda e: (e.queue, e.id)):
            entry = list(group)
            cursors[queue] = at
            with self._condition:
                self._wake(
                    (queue, event.job_id)
                    for event in entry
                    if event.name in FINAL_EVENTS
                )
                for subscription in self._subscriptions:
                    if subscription.queue == queue:
                        subscription.put(entry)

    def _wake(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            for event in self._waiters.get(key, ()):
                event.set()
