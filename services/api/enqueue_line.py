"""Lets jobs of requests that come at the same time travel to Redis together."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.errors import BrokerError, RedisUnavailableError

if TYPE_CHECKING:
    from shared.broker.producer import Enqueued, Producer, Request

#: Jobs that travel together at most.
MOST = 100


@dataclass(eq=False)
class _Ticket:
    """One thread's place in the line."""

    request: Request
    called: threading.Event = field(default_factory=threading.Event)
    answer: Enqueued | BrokerError | None = None


class EnqueueLine:
    """Whoever comes while nobody travels goes at once, and alone.

    Those who come meanwhile wait for one round trip at most; then the first of them
    takes all the others along. So an idle api gains nothing and loses nothing, and a
    busy one pays for one call to Redis where it had many.
    """

    def __init__(self, producer: Producer) -> None:
        """Travel with `producer`."""
        self._producer = producer
        self._lock = threading.Lock()
        self._line: list[_Ticket] = []
        self._is_away = False

    def enqueue(self, request: Request) -> Enqueued:
        """Create a job.

        Raises:
            BrokerError: As `Producer.enqueue` says.
        """
        ticket = _Ticket(request)
        with self._lock:
            is_first = not self._is_away
            self._is_away = True
            if not is_first:
                self._line.append(ticket)
        if is_first:
            return self._go_alone(request)
        ticket.called.wait()
        if ticket.answer is None:
            self._take_along(ticket)
        if isinstance(ticket.answer, Exception):
            raise ticket.answer
        if ticket.answer is None:
            message = "A ticket was called without an answer."
            raise RuntimeError(message)
        return ticket.answer

    def _go_alone(self, request: Request) -> Enqueued:
        try:
            return self._producer.enqueue(request)
        finally:
            self._call_the_next()

    def _take_along(self, leader: _Ticket) -> None:
        with self._lock:
            others, self._line = self._line[: MOST - 1], self._line[MOST - 1 :]
        company = [leader, *others]
        try:
            answers = self._producer.enqueue_many([t.request for t in company])
            for ticket, answer in zip(company, answers, strict=True):
                ticket.answer = answer
        finally:
            # Whoever got no answer because of an error nobody foresaw says so.
            for ticket in others:
                if ticket.answer is None:
                    ticket.answer = _unforeseen()
                ticket.called.set()
            self._call_the_next()

    def _call_the_next(self) -> None:
        with self._lock:
            if self._line:
                self._line.pop(0).called.set()
            else:
                self._is_away = False


def _unforeseen() -> BrokerError:
    return RedisUnavailableError("The call to Redis broke; try again.")
