"""Identifiers: short, sortable by creation time, safe in URLs and Redis keys."""

from __future__ import annotations

import secrets

from shared import clock

#: Crockford's base 32 in lower case: no i, l, o, u, so nothing reads as a digit.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
#: 44 bits of milliseconds (until the year 2527) and 56 random bits, 5 per letter.
LENGTH = 20
_RANDOM_BITS = 56
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_SHIFTS = range(5 * (LENGTH - 2), -1, -10)


def new_id() -> str:
    """Return a new id of 20 letters and digits; later ids sort after earlier ones."""
    number = clock.now_ms() << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
    pairs = [_PAIRS[number >> shift & 1023] for shift in _SHIFTS]
    return "".join(pairs)
