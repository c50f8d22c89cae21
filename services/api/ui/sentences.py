"""What actions have done, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from services.api.ui.formats import number
from shared.broker.operator import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_DONE = {
    "retry": "run again",
    "promote": "start now",
    "cancel": "are cancelled",
    "clean": "are removed",
    "drain": "are removed",
}
_DONE_TO_ONE = {
    "retry": "runs again",
    "promote": "starts now",
    "cancel": "is cancelled",
    "clean": "is removed",
    "drain": "is removed",
}


def jobs(count: int) -> str:
    """Return a number of jobs.

    >>> jobs(1), jobs(2)
    ('1 job', '2 jobs')
    """
    return "1 job" if count == 1 else f"{number(count)} jobs"


def done_to(action: str, answers: Mapping[str, Answer]) -> str:
    """Return what became of jobs.

    >>> done_to("retry", {"a": Answer.DONE, "b": Answer.MISSING})
    '1 job runs again; 1 was gone.'
    """
    counts = Counter(answers.values())
    done = counts[Answer.DONE]
    verb = (_DONE_TO_ONE if done == 1 else _DONE)[action]
    parts = [f"{jobs(done)} {verb}"]
    if pending := counts[Answer.PENDING]:
        parts.append(f"{number(pending)} being told to stop")
    if wrong := counts[Answer.WRONG_STATE]:
        parts.append(f"{number(wrong)} had moved on")
    if missing := counts[Answer.MISSING]:
        parts.append(f"{number(missing)} {'was' if missing == 1 else 'were'} gone")
    return "; ".join(parts) + "."
