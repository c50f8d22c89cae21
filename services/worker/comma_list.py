"""Lists in settings: parts of a text, separated by commas."""

from __future__ import annotations


def parts(text: str) -> tuple[str, ...]:
    """Return the parts that are not empty, without spaces around them.

    >>> parts("email, report,,")
    ('email', 'report')
    """
    return tuple(part for part in (p.strip() for p in text.split(",")) if part)
