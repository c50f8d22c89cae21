"""What becomes of slots that can't simply be fired."""

from __future__ import annotations

from enum import StrEnum


class Misfire(StrEnum):
    """What becomes of slots that nobody fired within the grace.

    SKIP fires none of them; ONCE fires the latest, unless a later slot is fired
    anyway; ALL fires every one, up to a cap of the latest.
    """

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    """What becomes of a slot while the job of the one before has not ended.

    ALLOW fires it; SKIP does not; BUFFER_ONE fires it when that job has ended, one
    slot at most; CANCEL_PREVIOUS cancels that job and fires it.
    """

    ALLOW = "allow"
    SKIP = "skip"
    BUFFER_ONE = "buffer-one"
    CANCEL_PREVIOUS = "cancel-previous"


class Reason(StrEnum):
    """Why a slot became no job."""

    TOO_LATE = "too late"
    COVERED = "covered by a later slot"
    BEYOND_CAP = "more late slots than misfireCap"
    STILL_RUNNING = "the previous job has not ended"
    BUFFER_FULL = "another slot already waits for the previous job"
    PAUSED = "paused after repeated failure"
