"""Query parameters, read strictly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.api.errors import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"[0-9]{1,10}")


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
