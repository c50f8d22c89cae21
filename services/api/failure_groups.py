"""Failures that are the same failure: grouped by what does not vary in their words."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.broker.failure_sample import FailedJob, FailureSample

#: What stands for a part that differs from job to job.
GAP = "\u2026"
FINGERPRINT_PATTERN = r"^[0-9a-f]{12}$"
_LONGEST = 500
#: What varies: quoted words, addresses, ids, numbers. All of it is linear to match.
_VARYING = re.compile(
    r"""(?<!\w)'[^'\n]{1,200}'(?!\w)          # 'quoted'
    | "[^"\n]{1,200}"                          # "quoted"
    | [\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,5}  # a mail address
    | \b0x[0-9a-fA-F]+\b                       # a place in memory
    | \b(?=[0-9a-z-]*\d)[0-9a-z]{8,}(?:-[0-9a-z]{4,}){0,4}\b  # an id
    | \d+(?:\.\d+)?                            # a number
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Failed jobs of a queue with one reason; times are epoch milliseconds.

    Attributes:
        queue: The queue.
        fingerprint: What the group is known by.
        task: The task.
        kind: `error`, `timeout`, `poison`, `invalid` or empty.
        pattern: The reason, with a gap for what varies.
        count: How many there are; an estimate unless the sample was whole.
        seen: How many were looked at.
        first: When the first of them failed.
        last: When the last of them failed.
        example: Id of the last one.
    """

    queue: str
    fingerprint: str
    task: str
    kind: str
    pattern: str
    count: int
    seen: int
    first: int
    last: int
    example: str

    @property
    def search(self) -> str:
        """The longest part of the reason that does not vary, to look for."""
        parts = [part.strip() for part in self.pattern.split(GAP)]
        return max(parts, key=len)[:100]


def pattern_of(reason: str) -> str:
    """Return a reason of failure with gaps for what varies.

    >>> pattern_of("no such user17@example.com")
    'no such \u2026'
    >>> pattern_of("HTTP 503 from 'shop' after 12.5 s")
    'HTTP \u2026 from \u2026 after \u2026 s'
    """
    return _VARYING.sub(GAP, reason[:_LONGEST])


def fingerprint_of(task: str, kind: str, reason: str) -> str:
    """Return the fingerprint of a failure: twelve hexadecimal digits."""
    text = "\n".join((task, kind, pattern_of(reason)))
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def grouped(queue: str, sample: FailureSample) -> list[FailureGroup]:
    """Return the groups of a queue's failures, the largest first."""
    by_key: dict[tuple[str, str, str], list[FailedJob]] = {}
    for job in sample.jobs:
        key = (job.task, job.kind, pattern_of(job.reason))
        by_key.setdefault(key, []).append(job)
    newest = {job.id for job in sample.jobs[: sample.newest]}
    older = len(sample.jobs) - len(newest)
    weight = (sample.total - sample.newest) / older if older > 0 else 0.0
    groups = [
        FailureGroup(
            queue=queue,
            fingerprint=fingerprint_of(task, kind, jobs[0].reason),
            task=task,
            kind=kind,
            pattern=pattern,
            count=_estimate(jobs, newest, weight),
            seen=len(jobs),
            first=min(job.at for job in jobs),
            last=max(job.at for job in jobs),
            example=max(jobs, key=lambda job: job.at).id,
        )
        for (task, kind, pattern), jobs in by_key.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, -group.last))


def _estimate(jobs: Iterable[FailedJob], newest: set[str], weight: float) -> int:
    """Count each of the newest once, each of the others for those beside it."""
    return round(sum(1.0 if job.id in newest else weight for job in jobs))
