"""Shows how queues and jobs are stored: keys, types, fields, bytes, and what for.

What callers and tasks wrote (data, results, reasons, logs) is measured, never shown.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shared.broker import purposes, topology
from shared.broker import record as records
from shared.broker.connection import translated_errors
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS, QueueKeys
from shared.jobs.names import check_job_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import redis

#: Keys of the whole server that one look at a queue walks over, unless told otherwise.
WALK_LIMIT = 200_000
#: Keys of one kind whose bytes are measured; the others are taken to be like them.
SAMPLES = 100
_STEP = 1_000
_SIZES = {
    "string": "STRLEN",
    "hash": "HLEN",
    "list": "LLEN",
    "set": "SCARD",
    "zset": "ZCARD",
    "stream": "XLEN",
}
#: Keys that belong to one job.
_OF_A_JOB = ("job", "run", "attempts", "logs")
#: Sorted sets in which a job can lie.
_PLACES = tuple(name for name in QUEUE_KEYS if name in purposes.SCORES)
#: Hashes whose fields are shown, and what those are for.
_FIELDS = {"run": purposes.RUN, "meta": purposes.META}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One field of a hash or of a record's header.

    Attributes:
        name: The field.
        purpose: What it is for.
        bytes: Length of its value.
        value: Its value; None for what callers and tasks wrote.
    """

    name: str
    purpose: str
    bytes: int
    value: str | None


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key.

    Attributes:
        key: Its whole name.
        type: Redis's type.
        purpose: What it is for.
        entries: Members, fields or entries; characters of a string.
        bytes: What it takes of Redis's memory; of a large one an estimate.
        expires_in_ms: Milliseconds until it goes by itself, None for never.
        parts: Its fields, where they are known.
    """

    key: str
    type: str
    purpose: str
    entries: int
    bytes: int
    expires_in_ms: int | None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """All keys of one kind, of which there is one per job, group or worker.

    Attributes:
        pattern: Their names.
        type: Redis's type.
        purpose: What each of them is for.
        count: How many were found.
        bytes: What they take of Redis's memory together, an estimate.
    """

    pattern: str
    type: str
    purpose: str
    count: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """A sorted set, or a set, that names a job.

    Attributes:
        key: The set.
        purpose: What the set is for.
        score: The job's score in it, None in a set without scores.
        meaning: What the score says.
    """

    key: str
    purpose: str
    score: int | None
    meaning: str


@dataclass(frozen=True, kw_only=True)
class QueueAnatomy:
    """How a queue is stored.

    Attributes:
        queue: The queue.
        keys: The keys that exist once.
        kinds: Those of which there are many.
        is_whole: Whether all keys of the server were walked over; if not, there may be
            more of each kind.
    """

    queue: str
    keys: tuple[Key, ...]
    kinds: tuple[Kind, ...]
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class JobAnatomy:
    """How a job is stored.

    Attributes:
        queue: Its queue.
        job_id: The job.
        keys: The keys that belong to it.
        places: The sets that name it.
    """

    queue: str
    job_id: str
    keys: tuple[Key, ...]
    places: tuple[Place, ...]


class Anatomist:
    """Looks at stored keys; it never writes.

    Every method raises InvalidNameError for a name that is refused, and
    RedisUnavailableError when Redis does not answer.
    """

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Look through `client` at what lies under `namespace`."""
        self._client = client
        self._namespace = namespace

    def queue(self, queue: str, *, walk_limit: int | None = WALK_LIMIT) -> QueueAnatomy:
        """Return how a queue is stored; work goes on meanwhile.

        Args:
            queue: The queue.
            walk_limit: Most keys of the server to walk over; None for all.
        """
        keys = QueueKeys(self._namespace, queue)
        with translated_errors():
            once = [self._key(keys.one(name), name) for name in QUEUE_KEYS]
            found, is_whole = self._walk(keys, walk_limit)
            kinds = [
                self._kind(keys, name, found[name])
                for name in MEMBER_KEYS
                if found[name]
            ]
        return QueueAnatomy(
            queue=queue,
            keys=tuple(key for key in once if key is not None),
            kinds=tuple(kinds),
            is_whole=is_whole,
        )

    def job(self, queue: str, job_id: str) -> JobAnatomy | None:
        """Return how a job is stored, None when nothing of it is."""
        keys = QueueKeys(self._namespace, queue)
        check_job_id(job_id)
        with translated_errors():
            own = [self._key(keys.of(name, job_id), name) for name in _OF_A_JOB]
            header = _header(self._text(keys.of("job", job_id)))
            places = tuple(self._places(keys, job_id, header))
        found = tuple(key for key in own if key is not None)
        if not found and not places:
            return None
        return JobAnatomy(queue=queue, job_id=job_id, keys=found, places=places)

    def _key(self, key: str, name: str) -> Key | None:
        kind = cast("bytes", self._client.type(key)).decode()
        if kind not in _SIZES:
            return None
        pipeline = self._client.pipeline(transaction=False)
        pipeline.execute_command(_SIZES[kind], key)
        # All fields of a job's key are measured, some of what may be endless.
        pipeline.memory_usage(key, samples=0 if name in _OF_A_JOB else None)
        pipeline.pttl(key)
        entries, size, expires_in_ms = pipeline.execute()
        parts: tuple[Part, ...] = ()
        if name == "job" and kind == "string":
            text = self._text(key)
            parts = _record_parts(text, _header(text))
        elif name in _FIELDS and kind == "hash":
            parts = self._hash_parts(key, _FIELDS[name])
        return Key(
            key=key,
            type=kind,
            purpose=purposes.KEYS[name],
            entries=entries,
            bytes=size or 0,
            expires_in_ms=expires_in_ms if expires_in_ms >= 0 else None,
            parts=parts,
        )

    def _walk(
        self, keys: QueueKeys, limit: int | None
    ) -> tuple[Mapping[str, list[str]], bool]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        pattern = _escaped(keys.prefix) + "*"
        server = topology.node_of(self._client, keys.prefix)
        cursor, walked = 0, 0
        while limit is None or walked < limit:
            cursor, batch = cast(
                "tuple[int, list[bytes]]",
                server.scan(cursor, match=pattern, count=_STEP),
            )
            for key in batch:
                rest = key.decode(errors="replace").removeprefix(keys.prefix)
                name, colon, _ = rest.partition(":")
                if colon and name in MEMBER_KEYS:
                    found[name].append(key.decode())
            walked += _STEP
            if cursor == 0:
                return found, True
        return found, False

    def _kind(self, keys: QueueKeys, name: str, found: list[str]) -> Kind:
        # A walk may meet a key twice.
        members = sorted(set(found))
        step = max(1, len(members) // SAMPLES)
        pipeline = self._client.pipeline(transaction=False)
        for key in members[::step]:
            pipeline.memory_usage(key)
        sizes = [size for size in pipeline.execute() if size]
        mean = sum(sizes) / len(sizes) if sizes else 0
        return Kind(
            pattern=keys.of(name, f"<{purposes.MEMBERS[name]}>"),
            type=MEMBER_KEYS[name],
            purpose=purposes.KEYS[name],
            count=len(members),
            bytes=round(mean * len(members)),
        )

    def _text(self, key: str) -> bytes:
        is_text = self._client.type(key) == b"string"
        return cast("bytes", self._client.get(key) or b"") if is_text else b""

    def _hash_parts(self, key: str, known: Mapping[str, str]) -> tuple[Part, ...]:
        stored = cast("dict[bytes, bytes]", self._client.hgetall(key))
        return tuple(
            _part(name.decode(errors="replace"), value, known)
            for name, value in stored.items()
        )

    def _places(
        self, keys: QueueKeys, job_id: str, header: Mapping[str, bytes]
    ) -> Iterator[Place]:
        for name in _PLACES:
            yield from self._place(keys.one(name), job_id, name)
        if group := header.get("g", b"").decode(errors="replace"):
            yield from self._place(keys.of("group", group), job_id, "group")
        cancelling = keys.one("cancelling")
        if self._client.type(cancelling) == b"set" and self._client.sismember(
            cancelling, job_id
        ):
            yield Place(
                key=cancelling,
                purpose=purposes.KEYS["cancelling"],
                score=None,
                meaning="its cancellation was asked for",
            )
        if dedup := header.get("d", b"").decode(errors="replace"):
            held = keys.of("dedup", dedup)
            if self._text(held) == job_id.encode():
                yield Place(
                    key=held,
                    purpose=purposes.KEYS["dedup"],
                    score=None,
                    meaning="it holds the deduplication id",
                )

    def _place(self, key: str, job_id: str, name: str) -> Iterator[Place]:
        if self._client.type(key) != b"zset":
            return
        score = self._client.zscore(key, job_id)
        if score is not None:
            yield Place(
                key=key,
                purpose=purposes.KEYS[name],
                score=int(score),
                meaning=purposes.SCORES[name],
            )


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)


def _header(record: bytes) -> dict[str, bytes]:
    line, line_feed, _ = record.partition(b"\n")
    if not line_feed or not line.startswith(b"v="):
        return {}
    words = (word.partition(b"=") for word in line.split(b";"))
    return {name.decode(errors="replace"): value for name, _, value in words}


def _record_parts(record: bytes, header: Mapping[str, bytes]) -> tuple[Part, ...]:
    parts = [_part(name, value, purposes.HEADER) for name, value in header.items()]
    try:
        body = records.decode(record)
    except ValueError:
        length = len(record)
        damaged = Part(name="?", purpose="damaged", bytes=length, value=None)
        return (*parts, damaged)
    data, options = body.data, body.options
    return (
        *parts,
        Part(name="data", purpose="what the caller sent", bytes=len(data), value=None),
        Part(
            name="opts",
            purpose="what the caller said about it",
            bytes=len(options),
            value=None,
        ),
    )


def _part(name: str, value: bytes, known: Mapping[str, str]) -> Part:
    is_shown = name in known and name not in purposes.PRIVATE
    return Part(
        name=name,
        purpose=known.get(name, ""),
        bytes=len(value),
        value=value.decode(errors="replace") if is_shown else None,
    )
