"""Waiting for a condition with a deadline instead of sleeping for a guess."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], *, within_s: float = 10.0, what: str = ""
) -> T:
    """Return the condition's first truthy value.

    Raises:
        AssertionError: When it stays falsy for `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            message = f"not within {within_s:g} s: {what or condition}"
            raise AssertionError(message)
        time.sleep(0.01)
