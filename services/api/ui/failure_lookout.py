"""The failures of all queues in groups, looked at seldom enough to cost little."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from services.api import failure_groups
from shared.broker import failure_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from services.api.failure_groups import FailureGroup

#: Failed jobs looked at: the newest, and blocks of the older ones; of all queues.
NEWEST, BLOCKS, BLOCK = 800, 16, 25
#: However many queues there are, so many of each are looked at.
_FEWEST = 100
#: For how long a look is good, in seconds.
FRESH_S = 3.0


class Look(NamedTuple):
    """What was seen.

    Attributes:
        groups: The groups, the largest first.
        total: How many failed jobs there are.
        seen: How many were looked at.
    """

    groups: list[FailureGroup]
    total: int
    seen: int

    @property
    def is_whole(self) -> bool:
        """Whether none was left out."""
        return self.seen >= self.total


class _Kept(NamedTuple):
    until: float
    look: Look


@dataclass(frozen=True)
class _Share:
    newest: int
    blocks: int
    block: int


class FailureLookout:
    """Looks at failures; several readers share a look."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Look through `client`, below `namespace`."""
        self._client = client
        self._namespace = namespace
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def look(self, queues: Sequence[str]) -> Look:
        """Return the failures of some queues.

        Raises:
            RedisUnavailableError: When Redis does not answer.
        """
        share = _share(len(queues))
        looks = [self._look(queue, share) for queue in queues]
        groups = [group for look in looks for group in look.groups]
        return Look(
            sorted(groups, key=lambda group: (-group.count, -group.last)),
            sum(look.total for look in looks),
            sum(look.seen for look in looks),
        )

    def _look(self, queue: str, share: _Share) -> Look:
        key = f"{queue} {share.newest}"
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.until:
            return kept.look
        sample = failure_sample.read(
            self._client,
            namespace=self._namespace,
            queue=queue,
            newest=share.newest,
            blocks=share.blocks,
            block=share.block,
        )
        look = Look(
            failure_groups.grouped(queue, sample), sample.total, len(sample.jobs)
        )
        with self._lock:
            self._kept[key] = _Kept(time.monotonic() + FRESH_S, look)
        return look


def _share(queues: int) -> _Share:
    """Return how many jobs of each queue are looked at, so that the sum is bounded."""
    part = max(queues, 1)
    newest = max(NEWEST // part, _FEWEST)
    return _Share(newest, max(BLOCKS // part, 4), BLOCK)
