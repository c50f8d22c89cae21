"""Which stored files jobs mention."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shared.ids import ALPHABET, LENGTH
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from services.worker.cleanup.broom import Broom
    from shared.broker.inspector import Inspector

_ID = re.compile(f"(?<![{ALPHABET}])[{ALPHABET}]{{{LENGTH}}}(?![{ALPHABET}])".encode())
_STEP = 200
_MOVING = (JobState.WAITING, JobState.DELAYED, JobState.ACTIVE)


def forget_mentioned(ids: set[str], inspector: Inspector, broom: Broom) -> None:
    """Take out of `ids` those that any job of any queue mentions.

    Stops when the broom must: then `ids` says nothing.
    """
    for queue in inspector.queues():
        # Twice for those that may move from one state to another while we look.
        for state in (*JobState, *_MOVING):
            _forget(ids, queue, state, inspector, broom)


def _forget(
    ids: set[str], queue: str, state: JobState, inspector: Inspector, broom: Broom
) -> None:
    cursor: str | None = ""
    while cursor is not None and ids and not broom.must_stop:
        page = inspector.page(queue, state, cursor=cursor, limit=_STEP)
        for job in page.jobs:
            for document in (job.data, job.returnvalue, job.progress):
                ids.difference_update(one.decode() for one in _ID.findall(document))
        cursor = page.next_cursor
