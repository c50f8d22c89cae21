"""Jobs that lost workers before: which of them may run beside each other.

A job that kills its process takes along whatever ran beside it. Those jobs come back
together with it, would be claimed together again, and end as poison together. So a job
at its last chance runs beside no other suspect: only the guilty one dies again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A job survives this many lost workers; the next one makes it poison.
MAX_STALLED = 2
#: A suspect that may not run here yet is offered again after this long, in ms.
SUSPECT_DELAY_MS = 1_000


def may_join(stalled: int, held: Iterable[int]) -> bool:
    """Return whether a job that lost `stalled` workers may run beside those held.

    Args:
        stalled: Workers that were lost with it.
        held: The same of each job that this process holds.
    """
    others = [count for count in held if count]
    if stalled == 0 or not others:
        return True
    return max(stalled, *others) < MAX_STALLED
