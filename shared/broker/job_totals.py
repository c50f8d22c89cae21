"""How many jobs ended how, per day and task: what a report of a week is made of.

These are statistics, kept apart from the jobs, which are removed after a while. A
worker that is killed takes the counts of its last seconds with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.broker.connection import translated_errors
from shared.broker.keys import job_totals_key, slowest_jobs_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import redis

#: How long a day's totals are kept, in seconds.
KEPT_S = 100 * 86_400
#: The slowest jobs of a day that are kept.
SLOWEST = 20


@dataclass
class TaskTotals:
    """What the jobs of one task came to.

    Attributes:
        completed: Jobs that ended well.
        failed: Jobs that failed for good.
        retried: Attempts that failed and were followed by another.
        run_ms: Run time of all attempts.
        attempts: Attempts that ended.
    """

    completed: int = 0
    failed: int = 0
    retried: int = 0
    run_ms: int = 0
    attempts: int = 0

    def add(self, other: TaskTotals) -> None:
        """Add what others came to."""
        for name in _FIELDS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_FIELDS = ("completed", "failed", "retried", "run_ms", "attempts")


@dataclass
class DayTotals:
    """One day.

    Attributes:
        tasks: What the jobs came to, by `<queue>/<task>`.
        slowest: Run time in milliseconds, by `<queue>/<task>/<job id>`.
    """

    tasks: dict[str, TaskTotals] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)


def day_of(now_ms: int) -> str:
    """Return the day of a moment, in UTC.

    >>> day_of(0)
    '1970-01-01'
    """
    return datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()


class JobTotals:
    """Adds to the totals and reads them."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Keep them under `namespace`."""
        self._client = client
        self._namespace = namespace

    def add(self, days: Mapping[str, DayTotals]) -> None:
        """Add what happened, by day, in one round trip.

        Raises:
            BrokerError: When Redis can't take it.
        """
        pipeline = self._client.pipeline(transaction=False)
        for day, totals in days.items():
            counts = job_totals_key(self._namespace, day)
            for task, one in totals.tasks.items():
                for name in _FIELDS:
                    if amount := getattr(one, name):
                        pipeline.hincrby(counts, f"{task}|{name}", amount)
            pipeline.expire(counts, KEPT_S)
            if totals.slowest:
                slowest = slowest_jobs_key(self._namespace, day)
                pipeline.zadd(slowest, totals.slowest, gt=True)
                pipeline.zremrangebyrank(slowest, 0, -SLOWEST - 1)
                pipeline.expire(slowest, KEPT_S)
        with translated_errors():
            pipeline.execute()

    def read(self, days: Sequence[str]) -> list[DayTotals]:
        """Return some days, in the order that was asked for.

        Raises:
            BrokerError: When Redis can't say.
        """
        pipeline = self._client.pipeline(transaction=False)
        for day in days:
            pipeline.hgetall(job_totals_key(self._namespace, day))
            slowest = slowest_jobs_key(self._namespace, day)
            pipeline.zrange(slowest, 0, SLOWEST - 1, desc=True, withscores=True)
        with translated_errors():
            answers = pipeline.execute()
        return [
            _day(counts, slowest)
            for counts, slowest in zip(answers[::2], answers[1::2], strict=True)
        ]


def _day(counts: dict[bytes, bytes], slowest: list[tuple[bytes, Any]]) -> DayTotals:
    day = DayTotals()
    for name, amount in counts.items():
        task, _, what = name.decode().rpartition("|")
        if what in _FIELDS:
            setattr(day.tasks.setdefault(task, TaskTotals()), what, int(amount))
    day.slowest = {member.decode(): float(run_ms) for member, run_ms in slowest}
    return day
