"""The states of a job and the only ways between them: the one truth.

Every arrow is one Lua script in `shared/broker/lua` of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class JobState(StrEnum):
    """Where a job is; every job is in exactly one of these."""

    WAITING = "waiting"
    DELAYED = "delayed"
    ACTIVE = "active"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended and runs no more by itself."""
        return self in FINAL


FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class Transition:
    """One arrow of the state machine.

    Attributes:
        name: Verb, and the name of the script.
        source: State before; None when the job did not exist.
        targets: States after; more than one when the script decides.
    """

    name: str
    source: JobState | None
    targets: frozenset[JobState]


def _arrow(name: str, source: JobState | None, *targets: JobState) -> Transition:
    return Transition(name, source, frozenset(targets))


_S = JobState
TRANSITIONS: tuple[Transition, ...] = (
    _arrow("enqueue", None, _S.WAITING, _S.DELAYED),
    _arrow("promote_due", _S.DELAYED, _S.WAITING),
    _arrow("claim", _S.WAITING, _S.ACTIVE),
    _arrow("complete", _S.ACTIVE, _S.COMPLETED),
    _arrow("retry", _S.ACTIVE, _S.DELAYED, _S.WAITING, _S.CANCELLED),
    _arrow("fail", _S.ACTIVE, _S.FAILED),
    _arrow("release", _S.ACTIVE, _S.WAITING, _S.DELAYED, _S.CANCELLED),
    _arrow("recover", _S.ACTIVE, _S.WAITING, _S.FAILED, _S.CANCELLED),
    _arrow("stop", _S.ACTIVE, _S.CANCELLED),
    _arrow("cancel", _S.WAITING, _S.CANCELLED),
    _arrow("cancel", _S.DELAYED, _S.CANCELLED),
    _arrow("promote_now", _S.DELAYED, _S.WAITING),
    _arrow("rerun", _S.COMPLETED, _S.WAITING),
    _arrow("rerun", _S.FAILED, _S.WAITING),
    _arrow("rerun", _S.CANCELLED, _S.WAITING),
    _arrow("tidy", _S.WAITING, _S.FAILED),
    _arrow("tidy", _S.DELAYED, _S.FAILED),
)
