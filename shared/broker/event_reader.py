"""Reads the event streams of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from shared.broker import topology
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.broker.stream_listener import StreamListener

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import redis

_Entries = list[tuple[bytes, dict[bytes, bytes]]]
_Reply = list[tuple[bytes, _Entries]]
#: Entries of one stream that one call returns at most.
_COUNT = 1_000


class Event(NamedTuple):
    """Something that happened to a job.

    Attributes:
        queue: The job's queue.
        id: Position in the stream; read on after it.
        name: One of JobEvent.
        job_id: The job.
        fields: What else the script told.
    """

    queue: str
    id: str
    name: str
    job_id: str
    fields: dict[str, str]


class EventReader:
    """Reads several queues' streams in one blocking call.

    The client's socket time-out must exceed the blocking time.
    """

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Read through `client`, which no other thread may be blocking on."""
        self._client = client
        self._namespace = namespace
        self._listener = StreamListener(client)

    def tail_ids(self, queues: Iterable[str]) -> dict[str, str]:
        """Return each queue's present end, from which `read` sees what comes later."""
        ends = {}
        for queue in queues:
            with translated_errors():
                last = self._client.xrevrange(self._key(queue), count=1)
            ends[queue] = cast("bytes", last[0][0]).decode() if last else "0-0"
        return ends

    def read(self, after: Mapping[str, str], *, block_ms: int) -> list[Event]:
        """Return what happened after the given ids, waiting up to `block_ms` for it.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        by_key = {self._key(queue): queue for queue in after}
        streams = {key: after[queue] for key, queue in by_key.items()}
        with translated_errors():
            pairs = self._pairs(streams, block_ms)
        return [
            event
            for key, entries in pairs
            for entry_id, fields in entries
            for event in _events(by_key[key.decode()], entry_id, fields)
        ]

    def _pairs(self, streams: dict[str, str], block_ms: int) -> _Reply:
        groups = topology.together(self._client, streams)
        if len(groups) == 1:
            reply = self._client.xread(streams, count=_COUNT, block=block_ms)  # type: ignore[arg-type]  # the stub wants invariant unions
            return _pairs(reply)
        found = self._listener.read(streams, groups, count=_COUNT, block_ms=block_ms)
        return [pair for reply in found for pair in _raw_pairs(reply)]

    def _key(self, queue: str) -> str:
        return QueueKeys(self._namespace, queue).one("events")


def _pairs(reply: object) -> _Reply:
    # RESP3 answers with a map of lists, RESP2 with a list of pairs.
    if isinstance(reply, dict):
        return [(key, entries[0]) for key, entries in reply.items()]
    return cast("_Reply", reply or [])


def _raw_pairs(reply: object) -> _Reply:
    """Read what the driver did not: keys, and the fields of entries as flat lists."""
    pairs: Any = reply.items() if isinstance(reply, dict) else reply
    return [
        (key, [(entry_id, _fields(flat)) for entry_id, flat in entries])
        for key, entries in pairs
    ]


def _fields(flat: list[bytes] | dict[bytes, bytes]) -> dict[bytes, bytes]:
    if isinstance(flat, dict):
        return flat
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _events(queue: str, entry_id: bytes, raw: dict[bytes, bytes]) -> list[Event]:
    fields = {k.decode(): v.decode(errors="replace") for k, v in raw.items()}
    name, job_ids = fields.pop("event", ""), fields.pop("jobId", "")
    return [
        Event(queue, entry_id.decode(), name, job_id, fields)
        for job_id in job_ids.split(" ")
    ]
