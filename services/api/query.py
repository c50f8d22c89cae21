"""Query parameters, read strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from services.api.errors import InvalidParameterError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug.wrappers import Request

    from shared.errors import InvalidDataError

_SECONDS = re.compile(r"[0-9]{1,20}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,15}")
#: Items of a page when the caller does not say, and at most.
PAGE, LARGEST_PAGE = 50, 200


def seconds(query: Mapping[str, str], name: str, *, highest: int) -> float:
    """Return a number of seconds from 0 to `highest`; 0 when it is left out.

    Raises:
        InvalidParameterError: It is something else.
    """
    text = query.get(name, "0")
    if not _SECONDS.fullmatch(text) or (number := float(text)) > highest:
        detail = f"should be a number of seconds from 0 to {highest}"
        raise InvalidParameterError(name, detail)
    return number


def whole(query: Mapping[str, str], name: str, *, default: int, highest: int) -> int:
    """Return a whole number from 0 to `highest`.

    Raises:
        InvalidParameterError: It is something else.
    """
    text = query.get(name, str(default))
    if not _WHOLE.fullmatch(text) or (number := int(text)) > highest:
        detail = f"should be a whole number from 0 to {highest}"
        raise InvalidParameterError(name, detail)
    return number


def limit(query: Mapping[str, str]) -> int:
    """Return how many items a page may have.

    Raises:
        InvalidParameterError: It is not a whole number from 1 to LARGEST_PAGE.
    """
    number = whole(query, "limit", default=PAGE, highest=LARGEST_PAGE)
    if number < 1:
        detail = f"should be a whole number from 1 to {LARGEST_PAGE}"
        raise InvalidParameterError("limit", detail)
    return number


def text(query: Mapping[str, str], name: str, *, pattern: str) -> str:
    """Return a text that fits `pattern` wholly; empty when it is left out.

    Raises:
        InvalidParameterError: It does not fit.
    """
    value = query.get(name, "")
    if name in query and not re.fullmatch(pattern, value):
        raise InvalidParameterError(name, f"should look like {pattern}")
    return value


def choice(query: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    """Return one of `words`; the first when it is left out.

    Raises:
        InvalidParameterError: It is another word.
    """
    value = query.get(name, words[0])
    if value not in words:
        raise InvalidParameterError(name, f"should be one of: {', '.join(words)}")
    return value


def states(query: Mapping[str, str]) -> tuple[JobState, ...]:
    """Return the states named in `state`, separated by commas; empty for none.

    Raises:
        InvalidParameterError: One of them is none.
    """
    if "state" not in query:
        return ()
    words = tuple(state.value for state in JobState)
    wanted = dict.fromkeys(query["state"].split(",", len(words)))
    if not wanted.keys() <= set(words):
        detail = f"should be some of: {', '.join(words)}"
        raise InvalidParameterError("state", detail)
    return tuple(JobState(word) for word in wanted)


class Wait(NamedTuple):
    """How long to wait; `is_preferred` tells that a header asked for it."""

    seconds: float
    is_preferred: bool = False


_PREFERENCE = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9]{1,5})\"?(?:$|[,;\s])")


def wait(request: Request, *, highest: int) -> Wait:
    """Return what `?wait=` says, else what `Prefer: wait=` does, else no time.

    Raises:
        InvalidParameterError: The parameter is not a number of seconds.
    """
    if "wait" in request.args:
        return Wait(seconds(request.args, "wait", highest=highest))
    preference = _PREFERENCE.search(request.headers.get("Prefer", "")[:1000])
    if preference is None:
        return Wait(0)
    # A preference that can't be met wholly is met as far as it goes (RFC 7240).
    return Wait(min(int(preference[1]), highest), is_preferred=True)


def invalid(error: InvalidDataError) -> InvalidParameterError:
    """Return what is wrong with a parameter that was checked as a document."""
    first = error.problems[0]
    return InvalidParameterError(first.pointer[1:] or "query", first.detail)
