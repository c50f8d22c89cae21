"""Examines an installation: the server's settings, its queues, and every job's keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from shared import clock
from shared.broker import topology
from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.broker.scripts import Scripts
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from shared.broker.inspector import Inspector

REDIS_FLOOR = (7, 0)
VALKEY_FLOOR = (7, 2)
#: Clocks may differ by this much before people are misled by times, in milliseconds.
SKEW_MS = 1_000
#: From this share of its memory limit on, Redis is nearly full.
NEARLY_FULL = 0.8
_BATCH = 200
#: Keys that belong to one job.
_OF_A_JOB = ("job", "run", "attempts", "logs")
#: Where a job's id can be found, beside its own keys.
_PLACES = (
    "waiting",
    "grouped",
    "delayed",
    "active",
    "completed",
    "failed",
    "cancelled",
)


class Severity(StrEnum):
    """How bad a finding is."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        severity: How bad it is.
        subject: What was looked at.
        detail: What was found, and what to do when it is not good.
    """

    severity: Severity
    subject: str
    detail: str


class Doctor:
    """Looks, and mends only what `audit` is told to mend."""

    def __init__(
        self, client: redis.Redis, *, namespace: str, inspector: Inspector
    ) -> None:
        """Examine the installation of `namespace`."""
        self._client = client
        self._namespace = namespace
        self._inspector = inspector

    def examine(self) -> list[Finding]:
        """Return what the server, in a Cluster every master, and the queues look like.

        Raises:
            RedisUnavailableError: When Redis, or one of the masters, does not answer.
        """
        findings: list[Finding] = []
        with translated_errors():
            masters = topology.masters(self._client)
            for master in masters:
                place = f" ({topology.place_of(master)})" if len(masters) > 1 else ""
                findings += (
                    replace(finding, subject=finding.subject + place)
                    for finding in self._server(master)
                )
            return [*findings, *self._queues()]

    def audit(self, queue: str, *, mend: bool) -> list[tuple[str, str]]:
        """Compare all keys of a queue with each other; return (id, problem).

        The whole keyspace of the queue is walked in small steps; jobs go on meanwhile.
        """
        keys = QueueKeys(self._namespace, queue)
        scripts = Scripts(self._client, keys)
        problems: dict[str, str] = {}
        batch: set[str] = set()
        with translated_errors():
            for job_id in self._ids(keys):
                batch.add(job_id)
                if len(batch) == _BATCH:
                    problems.update(scripts.audit(sorted(batch), mend=mend))
                    batch.clear()
            if batch:
                problems.update(scripts.audit(sorted(batch), mend=mend))
        return sorted(problems.items())

    def _ids(self, keys: QueueKeys) -> Iterator[str]:
        for name in _OF_A_JOB:
            start = keys.of(name, "")
            pattern = _escaped(start) + "*"
            for key in self._client.scan_iter(match=pattern, count=1000):
                yield cast("bytes", key).decode().removeprefix(start)
        for place in _PLACES:
            for member, _ in self._client.zscan_iter(keys.one(place), count=1000):
                yield cast("bytes", member).decode()

    def _server(self, master: redis.Redis) -> Iterator[Finding]:
        info: dict[str, Any] = master.info()
        yield self._version(info)
        yield self._eviction(info)
        yield self._persistence(info)
        yield self._memory(info)
        yield self._clock(master)
        if topology.has_deputies(self._client):
            yield self._replicas(info)

    def _replicas(self, info: dict[str, Any]) -> Finding:
        count = int(info.get("connected_slaves", 0))
        if not count:
            detail = "No replica: the loss of this server is an outage. Start one."
            return Finding(Severity.WARNING, "replicas", detail)
        return Finding(Severity.GOOD, "replicas", f"{count} connected")

    def _version(self, info: dict[str, Any]) -> Finding:
        name = "Valkey" if "valkey_version" in info else "Redis"
        text = str(info.get("valkey_version") or info["redis_version"])
        floor = VALKEY_FLOOR if name == "Valkey" else REDIS_FLOOR
        version = tuple(int(part) for part in text.split(".")[:2])
        if version < floor:
            wanted = ".".join(map(str, floor))
            detail = f"{name} {text} is too old: use {wanted} or later."
            return Finding(Severity.BAD, "version", detail)
        return Finding(Severity.GOOD, "version", f"{name} {text}")

    def _eviction(self, info: dict[str, Any]) -> Finding:
        policy = str(info.get("maxmemory_policy", "unknown"))
        if policy != "noeviction":
            detail = (
                f"maxmemory-policy is {policy}: a full Redis would drop jobs. "
                "Set it to noeviction."
            )
            return Finding(Severity.BAD, "eviction", detail)
        return Finding(Severity.GOOD, "eviction", "noeviction")

    def _persistence(self, info: dict[str, Any]) -> Finding:
        if not int(info.get("aof_enabled", 0)):
            detail = (
                "The append-only file is off: a restart of Redis loses jobs. "
                "Set appendonly yes."
            )
            return Finding(Severity.BAD, "persistence", detail)
        if info.get("aof_last_write_status", "ok") != "ok":
            detail = "Redis can't write its append-only file: is the disk full?"
            return Finding(Severity.BAD, "persistence", detail)
        return Finding(Severity.GOOD, "persistence", "append-only file on")

    def _memory(self, info: dict[str, Any]) -> Finding:
        used, limit = int(info["used_memory"]), int(info.get("maxmemory", 0))
        if not limit:
            detail = "There is no maxmemory: set one below the machine's memory."
            return Finding(Severity.WARNING, "memory", detail)
        share = used / limit
        detail = f"{share:.0%} of {limit / 2**20:,.0f} MB"
        if share > NEARLY_FULL:
            detail += ": nearly full. Keep finished jobs shorter, or give it more."
            return Finding(Severity.WARNING, "memory", detail)
        return Finding(Severity.GOOD, "memory", detail)

    def _clock(self, master: redis.Redis) -> Finding:
        seconds, micros = master.time()
        skew_ms = abs(clock.now_ms() - (seconds * 1000 + micros // 1000))
        if skew_ms > SKEW_MS:
            detail = (
                f"This machine's clock and Redis's differ by {skew_ms / 1000:.1f} s. "
                "Jobs are safe (Redis's decides), but logs and times will not agree."
            )
            return Finding(Severity.WARNING, "clock", detail)
        return Finding(Severity.GOOD, "clock", f"{skew_ms} ms apart")

    def _queues(self) -> Iterator[Finding]:
        served = {q for worker in self._inspector.workers() for q in worker.queues}
        for queue in self._inspector.queues():
            stats = self._inspector.stats(queue)
            waiting = stats.counts[JobState.WAITING]
            subject = f"queue {queue}"
            if waiting and queue not in served:
                detail = f"{waiting} jobs wait and no worker serves it: start one."
                yield Finding(Severity.BAD, subject, detail)
            elif stats.is_paused and waiting:
                detail = f"{waiting} jobs wait because it is paused."
                yield Finding(Severity.WARNING, subject, detail)
            else:
                yield Finding(Severity.GOOD, subject, f"{waiting} waiting")


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in text)
