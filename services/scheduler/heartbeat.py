"""periodiq keeps the time: one actor of its kind, which it performs when we ask."""

from __future__ import annotations

import signal
from datetime import timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING

import dramatiq
import pendulum
import periodiq

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from dramatiq import Message

    Tick = Callable[[], float]

#: The shortest wait between two ticks. periodiq needs a wait of more than nothing
#: when it looks at the clock again, microseconds later.
_SHORTEST_WAIT_MS = 2.0


class Wakeup:
    """The heartbeat's `periodic` option: tells periodiq when the next tick is due.

    periodiq asks two things of it, and rounds to whole seconds only what it says
    itself: the date that it gets is kept to the microsecond.
    """

    def __init__(self) -> None:
        self.wait_ms = 0.0

    def __str__(self) -> str:
        return "when the next slot is due"

    def validate(self, _now: pendulum.DateTime) -> bool:
        """Return that every wake-up is a tick: what is due is for Redis to say."""
        return True

    def next_valid_date(self, _now: pendulum.DateTime) -> pendulum.DateTime:
        """Return when to wake up; the wait counts from now, not from `_now`."""
        wait_ms = max(self.wait_ms, _SHORTEST_WAIT_MS)
        return pendulum.now("UTC") + timedelta(milliseconds=wait_ms)


class OnTheSpotBroker(dramatiq.Broker):
    """Performs a message where it is sent, so that a tick needs no queue, no worker.

    periodiq's middleware is there for the name of its option; its skipping of late
    messages has nothing to skip here.
    """

    def __init__(self) -> None:
        """Know no other middleware than periodiq's."""
        super().__init__(middleware=[periodiq.PeriodiqMiddleware()])

    def declare_queue(self, queue_name: str) -> None:
        """Take note of a queue that nothing ever waits in."""
        self.queues[queue_name] = None

    def enqueue(
        self, message: Message[Any], *, delay: int | None = None
    ) -> Message[Any]:
        """Perform `message` now; `delay` is never given."""
        del delay
        actor = self.get_actor(message.actor_name)
        actor(*message.args, **message.kwargs)
        return message


class Timekeeper(periodiq.Scheduler):  # type: ignore[misc]  # periodiq has no types
    """periodiq's loop, without its ways to come to harm."""

    def __init__(self, tick: Tick) -> None:
        """Call `tick` now and again after the milliseconds that it returns."""
        broker = OnTheSpotBroker()
        wakeup = Wakeup()

        @dramatiq.actor(broker=broker, actor_name="heartbeat", periodic=wakeup)
        def heartbeat() -> None:
            wakeup.wait_ms = tick()

        super().__init__(actors=[heartbeat])
        # periodiq's Queue is not made for signal handlers: SIGALRM in the middle of
        # its get() would wait for a lock that the interrupted call holds.
        self.alarm_q: SimpleQueue[bool] = SimpleQueue()
        self._is_scheduling = False
        self.is_stopping = False

    def run(self) -> None:
        """Tick until `stop()`; in the main thread, since periodiq uses SIGALRM."""
        # periodiq sets its handler after the alarm. A process that is held up between
        # the two for a second would die of the signal.
        previous = signal.signal(signal.SIGALRM, self.signal_handler)
        try:
            self.schedule()
            self.loop()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, previous)

    def stop(self) -> None:
        """End `run()` within a second; may be called by a signal handler."""
        self.is_stopping = True
        self.alarm_q.put(False)

    def schedule(self) -> None:
        """Tick and set the alarm for the next tick."""
        if self.is_stopping:
            return
        if self._is_scheduling:
            # periodiq calls itself when the time has come already. Each round one
            # level deeper would end the process one day: the loop does it as well.
            self.alarm_q.put(True)
            return
        self._is_scheduling = True
        try:
            super().schedule()
        finally:
            self._is_scheduling = False
