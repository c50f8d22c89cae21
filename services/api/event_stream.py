"""Server-sent events: a response that goes on, and survives broken connections."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from services.api.errors import InvalidParameterError, NoRoomError
from shared import logging
from shared.errors import BrokerError
from shared.jobs.events import FINAL_EVENTS, JobEvent
from shared.metrics import HTTP_IN_PROGRESS

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from flask import Request

    from services.api.event_hub import EventHub, Subscription
    from shared.broker.event_reader import Event, EventReader

#: Longest silence, in seconds; a connection that broke is noticed by it.
KEEP_ALIVE_S = 10.0
#: How long the hub may take to follow a queue, in seconds.
START_S = 5.0
#: How long a client waits before it comes back, in milliseconds.
RETRY_MS = 2_000

_PLACE = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")
_ENCODER = msgspec.json.Encoder()
_log = logging.get(__name__)


def last_event_id(request: Request) -> str | None:
    """Return where a client that comes back had got to.

    Raises:
        InvalidParameterError: It is no id of ours.
    """
    value = request.headers.get("Last-Event-ID", request.args.get("lastEventId"))
    if value is not None and not _PLACE.fullmatch(value):
        raise InvalidParameterError("Last-Event-ID", "should be an id of this stream")
    return value


@dataclass(frozen=True)
class Watched:
    """What a stream is about.

    Attributes:
        queue: The queue.
        job_id: The one job, None for all.
        record: Returns the job's record as JSON text, None when it has gone.
    """

    queue: str
    job_id: str | None = None
    record: Callable[[], bytes | None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class EventStreams:
    """Opens streams while there is room."""

    hub: EventHub
    reader: EventReader
    room: threading.Semaphore
    life_s: float

    def open(self, watched: Watched, *, after: str | None) -> EventStream:
        """Open a stream.

        Args:
            watched: What it is about.
            after: The last event that the client has; None for a new client.

        Raises:
            NoRoomError: Too many wait already.
        """
        if not self.room.acquire(blocking=False):
            raise NoRoomError(
                "Too many event streams and waits are open; try again, or ask without "
                "waiting."
            )
        return EventStream(self, watched, after)


class EventStream:
    """The body of the response; whoever is done with it calls `close`, at any time.

    A plain generator would keep its place when it is closed before its first item.
    """

    def __init__(
        self, streams: EventStreams, watched: Watched, after: str | None
    ) -> None:
        """Hold a place in the room until `close`."""
        self._streams = streams
        self._watched = watched
        self._after = after
        self._stack = ExitStack()
        self._stack.callback(streams.room.release)
        # For Flask a request is over before its stream begins.
        HTTP_IN_PROGRESS.inc()
        self._stack.callback(HTTP_IN_PROGRESS.dec)
        self._pieces = self._stream()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        """Give the place back."""
        try:
            self._pieces.close()  # type: ignore[attr-defined]  # it is a generator
        finally:
            self._stack.close()

    def _stream(self) -> Iterator[bytes]:
        ends_at = time.monotonic() + self._streams.life_s
        yield f"retry: {RETRY_MS}\n\n".encode()
        try:
            watched = self._watched
            hub = self._streams.hub
            with hub.subscription(watched.queue, watched.job_id) as subscription:
                yield from self._follow(subscription, ends_at)
        except BrokerError as error:
            # The client comes back with its last id; nothing is lost.
            _log.warning("event_stream_interrupted", reason=str(error))

    def _follow(self, subscription: Subscription, ends_at: float) -> Iterator[bytes]:
        last, has_ended = self._after, False
        while not has_ended and time.monotonic() < ends_at:
            start = subscription.start(timeout_s=START_S)
            if start is None or subscription.has_closed():
                return
            if last is None:
                pieces, has_ended = self._snapshot(start)
                yield from pieces
            else:
                for entry in self._missed(last, start):
                    pieces, has_ended = self._shown(entry)
                    yield from pieces
                    if has_ended:
                        return
            last = start
            while not has_ended and time.monotonic() < ends_at:
                left_s = max(ends_at - time.monotonic(), 0)
                found = subscription.next_entry(timeout_s=min(KEEP_ALIVE_S, left_s))
                if subscription.has_closed():
                    return
                if found is None:
                    last = subscription.told_until(last)
                    break
                if not found:
                    yield b": keep-alive\n\n"
                    continue
                last = found[0].id
                pieces, has_ended = self._shown(found)
                yield from pieces

    def _snapshot(self, at: str) -> tuple[list[bytes], bool]:
        """Show a new client the job as it is, so that it need not ask apart."""
        if self._watched.job_id is None:
            return [], False
        record = self._watched.record()
        if record is None:
            return [], True
        state = msgspec.json.decode(record, type=_State).state
        return [_piece("job", record, at)], state in _FINAL_STATES

    def _missed(self, last: str, until: str) -> Iterator[list[Event]]:
        """Yield what happened after `last` up to `until`."""
        queue = self._watched.queue
        while _number(last) < _number(until):
            entries: dict[str, list[Event]] = {}
            for event in self._streams.reader.read({queue: last}, block_ms=1):
                entries.setdefault(event.id, []).append(event)
            if not entries:
                return
            for at, entry in entries.items():
                if _number(at) > _number(until):
                    return
                last = at
                yield entry

    def _shown(self, entry: list[Event]) -> tuple[list[bytes], bool]:
        wanted = self._watched.job_id
        events = [e for e in entry if wanted is None or e.job_id == wanted]
        # Only the last one names the place: a client that loses the connection in
        # between gets the whole entry again rather than a part of it.
        pieces = [
            _piece(
                event.name, self._data(event), event.id if event is events[-1] else ""
            )
            for event in events
        ]
        ended = wanted is not None and any(e.name in FINAL_EVENTS for e in events)
        return pieces, ended

    def _data(self, event: Event) -> bytes:
        document: dict[str, Any] = {"event": event.name, "queue": event.queue}
        if event.job_id:
            document["jobId"] = event.job_id
        document.update(_fields(event))
        is_end = self._watched.job_id is not None and event.name in FINAL_EVENTS
        if is_end and (record := self._watched.record()):
            document["job"] = msgspec.Raw(record)
        return _ENCODER.encode(document)


class _State(msgspec.Struct):
    state: str


_FINAL_STATES = frozenset({"completed", "failed", "cancelled"})


def _fields(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = dict(event.fields)
    if event.name == JobEvent.PROGRESS:
        try:
            found["data"] = msgspec.json.decode(found.get("data", "null"))
        except msgspec.DecodeError:
            found["data"] = None
    return found


def _piece(name: str, data: bytes, at: str) -> bytes:
    place = f"id: {at}\n".encode() if at else b""
    # Our JSON has no line feed outside of strings, and inside they are escaped; a
    # caller's own JSON may have some.
    lines = b"\n".join(b"data: " + line for line in data.splitlines())
    return place + f"event: {name}\n".encode() + lines + b"\n\n"


def _number(at: str) -> tuple[int, int]:
    first, _, second = at.partition("-")
    return int(first), int(second or 0)
