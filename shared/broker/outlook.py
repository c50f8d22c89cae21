"""Reads what stands between a job and its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.jobs.names import check_job_id

if TYPE_CHECKING:
    import redis

#: Over how long the pace is measured, in milliseconds.
PACE_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class View:
    """A waiting job's place; times are milliseconds.

    Attributes:
        now_ms: The server's clock, epoch milliseconds.
        ahead: Jobs without a group that run before it; None when it is not among them.
        ahead_in_group: Jobs of its group that run before it.
        waiting: All jobs that wait.
        active: Jobs that run.
        group_active: Jobs of its group that run.
        group_opens_at: When its group may go on after its rate, epoch milliseconds.
        rate_opens_in_ms: Time until the queue may go on after its rate.
        ended: Jobs that ended within the last PACE_MS and are kept.
    """

    now_ms: int
    ahead: int | None
    ahead_in_group: int | None
    waiting: int
    active: int
    group_active: int
    group_opens_at: int | None
    rate_opens_in_ms: int
    ended: int


class Outlook:
    """Looks at one job's place in its queue."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Read through `client`, under `namespace`."""
        self._client = client
        self._namespace = namespace

    def view(
        self, queue: str, job_id: str, *, group: str | None, rate_max: int | None
    ) -> View:
        """Return a job's place, all read in one round trip or two."""
        keys = QueueKeys(self._namespace, queue)
        check_job_id(job_id)
        with translated_errors():
            seconds, micros = self._client.time()
            now_ms = seconds * 1000 + micros // 1000
            found = self._read(keys, job_id, group or "", now_ms - PACE_MS)
        ahead, in_group, waiting, grouped, active, running, opens, *rest = found
        started, rate_left_ms, completed, failed = rest
        is_full = rate_max is not None and int(started or 0) >= rate_max
        return View(
            now_ms=now_ms,
            ahead=ahead,
            ahead_in_group=in_group,
            waiting=waiting + grouped,
            active=active,
            group_active=int(running or 0),
            group_opens_at=None if opens is None else int(opens),
            rate_opens_in_ms=max(rate_left_ms, 0) if is_full else 0,
            ended=completed + failed,
        )

    def _read(self, keys: QueueKeys, job_id: str, group: str, since: int) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.zrank(keys.one("waiting"), job_id)
        pipeline.zrank(keys.of("group", group), job_id)
        pipeline.zcard(keys.one("waiting"))
        pipeline.zcard(keys.one("grouped"))
        pipeline.zcard(keys.one("active"))
        pipeline.hget(keys.one("groupActive"), group)
        pipeline.zscore(keys.one("parked"), group)
        pipeline.get(keys.one("rate"))
        pipeline.pttl(keys.one("rate"))
        pipeline.zcount(keys.one("completed"), since, "+inf")
        pipeline.zcount(keys.one("failed"), since, "+inf")
        return pipeline.execute()
