"""The alphabets of names, so that none can collide with a Redis key of ours."""

from __future__ import annotations

import re

from shared.errors import InvalidNameError

#: Starts with a letter, then letters, digits, `_`, `-` and `.`; 64 at most.
QUEUE_PATTERN = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
#: Starts with a letter or digit; a colon is welcome (`schedule:slot`); 128 at most.
JOB_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,127}$"
#: As a queue's.
TASK_PATTERN = QUEUE_PATTERN

#: A group or a deduplication id: of the same letters as a job's id.
LABEL_PATTERN = JOB_ID_PATTERN

_QUEUE = re.compile(QUEUE_PATTERN)
_JOB_ID = re.compile(JOB_ID_PATTERN)


def check_queue(name: str) -> str:
    """Return `name` if it can be a queue's.

    Raises:
        InvalidNameError: When it can't.
    """
    # fullmatch: `$` alone would let a trailing line feed pass.
    if not _QUEUE.fullmatch(name):
        message = (
            "A queue's name starts with a letter and has at most 64 letters, digits, "
            "underscores, hyphens and dots."
        )
        raise InvalidNameError(message)
    return name


def check_job_id(job_id: str) -> str:
    """Return `job_id` if it can be a job's.

    Raises:
        InvalidNameError: When it can't.
    """
    if not _JOB_ID.fullmatch(job_id):
        message = (
            "A job's id starts with a letter or digit and has at most 128 letters, "
            "digits, underscores, hyphens, dots, colons and at signs."
        )
        raise InvalidNameError(message)
    return job_id
