"""Wakes requests that wait for a job: one thread listens for all of them."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from itertools import chain, groupby
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

#: A queue and a job; None for all jobs.
_Key = tuple[str, str | None]


class Subscription:
    """The events of one queue, or of one of its jobs, for one reader.

    After `start` is known, every later event comes through `next_entry`. When the
    hub lost the thread, or the reader was too slow, `start` is unknown again and the
    reader has to read what lies between from the stream itself.
    """

    def __init__(self, queue: str, job_id: str | None = None) -> None:
        """Wait for the hub to follow `queue`; `job_id` is None for all its jobs."""
        self.key = (queue, job_id)
        self._has_gap = False
        self._told_until: str | None = None
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
            self._has_gap = self._start is None
            return self._start

    def next_entry(self, *, timeout_s: float) -> list[Event] | None:
        """Return the events of the next entry; empty in vain, None after a gap."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._entries or self._has_gap or self._closed, timeout_s
            )
            # The hub may follow again before this reader has noticed that it did not.
            if self._has_gap:
                return None
            return self._entries.popleft() if self._entries else []

    def told_until(self, last: str) -> str:
        """Return the place up to which the reader knows all, after a gap.

        Args:
            last: The last entry that it got; one of another job may have come later.
        """
        with self._changed:
            return self._told_until or last

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
                self._lose_the_thread(None)
                return
            self._entries.append(entry)
            self._changed.notify_all()

    def lose_the_thread(self, until: str | None) -> None:
        """Tell the reader that events after `until` may be missing."""
        with self._changed:
            self._lose_the_thread(until)

    def close(self) -> None:
        """Tell the reader that nothing comes any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _lose_the_thread(self, until: str | None) -> None:
        if not self._has_gap:
            # What it has not read yet is dropped, so it is missing, too.
            self._told_until = None if self._entries else until
        self._start, self._has_gap = None, True
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
        self._subscriptions: dict[_Key, set[Subscription]] = defaultdict(set)
        #: The last entry told of each queue that is followed; read and changed under
        #: the condition.
        self._cursors: dict[str, str] = {}
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
    def subscription(
        self, queue: str, job_id: str | None = None
    ) -> Iterator[Subscription]:
        """Give the events of a queue, or of one job, from about now on."""
        subscription = Subscription(queue, job_id)
        with self._condition:
            self._subscriptions[subscription.key].add(subscription)
            if queue in self._cursors:
                subscription.begin(self._cursors[queue])
            self._ensure_running()
            self._condition.notify()
        if self.is_stopping:
            subscription.close()
        try:
            yield subscription
        finally:
            with self._condition:
                readers = self._subscriptions[subscription.key]
                readers.discard(subscription)
                if not readers:
                    del self._subscriptions[subscription.key]

    def stop(self, *, timeout_s: float = 5.0) -> None:
        """Wake everybody and end the thread; waiting is over for good."""
        self._stopping.set()
        with self._condition:
            self._condition.notify()
            self._wake(self._waiters)
            for subscription in self._all_subscriptions():
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
        while queues := self._wanted():
            try:
                self._follow(queues)
                self._tell(self._reader.read(self._cursors, block_ms=BLOCK_MS))
            except BrokerError as error:
                self._forget()
                _log.warning("event_hub_interrupted", reason=str(error))
                self._stopping.wait(RETRY_S)
            except Exception:  # noqa: BLE001 - the top of a thread
                # The thread must outlive what it did not expect, or polls go deaf.
                self._forget()
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
            keys = self._waiters.keys() | self._subscriptions.keys()
            return {queue for queue, _ in keys}

    def _forget(self) -> None:
        """Begin anew after an interruption; all readers know it."""
        with self._condition:
            for subscription in self._all_subscriptions():
                subscription.lose_the_thread(self._cursors.get(subscription.key[0]))
            self._cursors = {}

    def _all_subscriptions(self) -> Iterator[Subscription]:
        return chain.from_iterable(self._subscriptions.values())

    def _follow(self, queues: set[str]) -> None:
        """Follow exactly `queues`; those that were followed go on where they were."""
        joining = queues - self._cursors.keys()
        tails = self._reader.tail_ids(sorted(joining)) if joining else {}
        with self._condition:
            kept = {q: at for q, at in self._cursors.items() if q in queues}
            self._cursors = {**kept, **tails}
            # A job may have ended before the tail was read: its waiter looks again.
            self._wake(key for key in self._waiters if key[0] in joining)
            for subscription in self._all_subscriptions():
                queue, _ = subscription.key
                if queue in self._cursors:
                    subscription.begin(self._cursors[queue])

    def _tell(self, events: Iterable[Event]) -> None:
        for (queue, at), group in groupby(events, key=lambda e: (e.queue, e.id)):
            entry = list(group)
            with self._condition:
                self._cursors[queue] = at
                self._wake(
                    (queue, event.job_id)
                    for event in entry
                    if event.name in FINAL_EVENTS
                )
                for subscription in self._concerned(queue, entry):
                    subscription.put(entry)

    def _concerned(self, queue: str, entry: list[Event]) -> set[Subscription]:
        # Readers of other jobs sleep on: hundreds of threads that wake for each event
        # of a busy queue would leave no time for anybody else.
        concerned = set(self._subscriptions.get((queue, None), ()))
        for event in entry:
            concerned |= self._subscriptions.get((queue, event.job_id), set())
        return concerned

    def _wake(self, keys: Iterable[_Key]) -> None:
        for key in keys:
            for event in self._waiters.get(key, ()):
                event.set()
