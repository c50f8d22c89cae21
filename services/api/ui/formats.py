"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

_UNITS_MS = (
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
)
_BYTES = ("B", "KB", "MB", "GB", "TB")
_STEP = 1024
_NARROW = "\u202f"


def number(value: float) -> str:
    """Return a whole number with groups of three digits.

    >>> number(1234567).replace("\u202f", "'")
    "1'234'567"
    """
    return f"{value:,.0f}".replace(",", _NARROW)


def short_number(value: float) -> str:
    """Return a number in four letters or so.

    >>> [short_number(n) for n in (0, 999, 1_234, 56_789, 1_000_000)]
    ['0', '999', '1.2k', '57k', '1M']
    """
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            share = value / size
            digits = 1 if share < 10 else 0  # noqa: PLR2004 - two figures
            text = f"{share:.{digits}f}"
            return (text.rstrip("0").rstrip(".") if digits else text) + letter
    return f"{value:.0f}"


def duration(ms: float | None) -> str:
    """Return a duration with its two greatest units.

    >>> [duration(ms) for ms in (0, 12, 1_234, 61_000, 3_600_000, 90_061_000)]
    ['0 ms', '12 ms', '1.2 s', '1 min 1 s', '1 h', '1 d 1 h']
    """
    if ms is None:
        return "\u2013"
    if ms < 1_000:  # noqa: PLR2004 - a second
        return f"{ms:.0f} ms"
    if ms < 60_000:  # noqa: PLR2004 - a minute
        return f"{ms / 1_000:.1f} s".replace(".0 s", " s")
    for at, (unit, size) in enumerate(_UNITS_MS):
        if ms >= size:
            whole, rest = divmod(int(ms), size)
            text = f"{whole} {unit}"
            if at + 1 < len(_UNITS_MS):
                small, small_size = _UNITS_MS[at + 1]
                if part := rest // small_size:
                    text += f" {part} {small}"
            return text
    return ""


def size(count: float) -> str:
    """Return a number of bytes.

    >>> [size(n) for n in (0, 1_023, 1_536, 10_485_760)]
    ['0 B', '1023 B', '1.5 KB', '10 MB']
    """
    at = 0
    while count >= _STEP and at + 1 < len(_BYTES):
        count /= _STEP
        at += 1
    text = f"{count:.1f}" if at and count < 10 else f"{count:.0f}"  # noqa: PLR2004
    return f"{text} {_BYTES[at]}"


def share(progress: bytes) -> float | None:
    """Return a job's progress from 0 to 100, None when it is no number.

    >>> share(b"40"), share(b"250"), share(b'"half"'), share(b"true")
    (40.0, 100.0, None, None)
    """
    try:
        value = msgspec.json.decode(progress)
    except msgspec.DecodeError:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(float(value), 0.0), 100.0)


def iso(ms: float) -> str:
    """Return a moment as machines read it, in UTC.

    >>> iso(0)
    '1970-01-01T00:00:00.000Z'
    """
    moment = datetime.fromtimestamp(ms / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(ms: float) -> str:
    """Return a moment as people read it, in UTC.

    >>> moment(0)
    '1970-01-01 00:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(ms: float, now_ms: float) -> str:
    """Return how far a moment is from now.

    >>> ago(0, 61_000), ago(61_000, 0), ago(500, 600)
    ('1 min ago', 'in 1 min', 'now')
    """
    distance = abs(now_ms - ms)
    if distance < 1_000:  # noqa: PLR2004 - a second
        return "now"
    for unit, unit_ms in _UNITS_MS:
        if distance >= unit_ms:
            text = f"{distance // unit_ms:.0f} {unit}"
            return f"{text} ago" if ms < now_ms else f"in {text}"
    return "now"
