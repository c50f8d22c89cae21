"""Looks at a few of many failed jobs: only why they failed, never at their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.broker.record import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

#: Where a record's header has ended, more or less; the rest is not asked for.
_HEADER_BYTES = 200
#: Commands that travel together.
_TOGETHER = 500


class FailedJob(NamedTuple):
    """Why a job failed; `at` is epoch milliseconds."""

    id: str
    at: int
    task: str
    reason: str
    kind: str


class FailureSample(NamedTuple):
    """Some failed jobs of a queue.

    Attributes:
        jobs: The jobs, newest first.
        total: How many failed jobs there are.
        newest: The first so many are the newest ones, without a gap.
    """

    jobs: list[FailedJob]
    total: int
    newest: int

    @property
    def is_whole(self) -> bool:
        """Whether no failed job was left out."""
        return self.newest >= self.total


def read(
    client: redis.Redis,
    *,
    namespace: str,
    queue: str,
    newest: int,
    blocks: int,
    block: int,
) -> FailureSample:
    """Return the newest failed jobs, and evenly spread blocks of the older ones.

    The work does not grow with the number of failed jobs.

    Args:
        client: Speaks to Redis.
        namespace: Prefix of the keys.
        queue: The queue.
        newest: How many of the newest.
        blocks: How many blocks.
        block: Jobs of one block.

    Raises:
        RedisUnavailableError: When Redis does not answer.
    """
    keys = QueueKeys(namespace, queue)
    with translated_errors():
        total = int(client.zcard(keys.one("failed")))
        ranges = [(0, newest - 1), *_spread(newest, total, blocks, block)]
        pipeline = client.pipeline(transaction=False)
        for first, last in ranges:
            pipeline.zrevrange(keys.one("failed"), first, last, withscores=True)
        found = cast("list[list[tuple[bytes, float]]]", pipeline.execute())
        ids = {job.decode(): int(at) for part in found for job, at in part}
        jobs = _described(client, keys, ids)
    return FailureSample(jobs, total, min(newest, total))


def _spread(newest: int, total: int, blocks: int, block: int) -> list[tuple[int, int]]:
    """Return ranges of ranks behind the newest; the last one holds the oldest."""
    rest = total - newest
    if rest <= blocks * block:
        return [(newest, total - 1)] if rest > 0 else []
    step = (rest - block) / max(blocks - 1, 1)
    starts = [newest + round(number * step) for number in range(blocks)]
    return [(start, start + block - 1) for start in starts]


def _described(
    client: redis.Redis, keys: QueueKeys, ids: dict[str, int]
) -> list[FailedJob]:
    names = list(ids)
    jobs = []
    for start in range(0, len(names), _TOGETHER):
        part = names[start : start + _TOGETHER]
        pipeline = client.pipeline(transaction=False)
        for job_id in part:
            pipeline.getrange(keys.of("job", job_id), 0, _HEADER_BYTES)
            pipeline.hmget(keys.of("run", job_id), ["failedReason", "failureKind"])
        replies = pipeline.execute(raise_on_error=False)
        for at, job_id in enumerate(part):
            job = _job(job_id, ids[job_id], replies[2 * at], replies[2 * at + 1])
            if job is not None:
                jobs.append(job)
    return jobs


def _job(job_id: str, at: int, header: Any, fields: Any) -> FailedJob | None:
    if isinstance(header, Exception) or isinstance(fields, Exception) or not header:
        # Removed meanwhile, or damaged: the others are counted.
        return None
    reason, kind = (_text(value) for value in cast("Sequence[bytes | None]", fields))
    return FailedJob(job_id, at, task_of(header), reason, kind)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
