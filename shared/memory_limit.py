"""How much memory this process may use before the kernel ends it."""

from __future__ import annotations

import os
from pathlib import Path

#: Where the limit stands in a container, by the version of control groups.
_PLACES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_limit_bytes(places: tuple[Path, ...] = _PLACES) -> int:
    """Return the container's limit, or the machine's memory when it is smaller.

    Args:
        places: Files that may hold a limit in bytes, or `max` for none.
    """
    limit = _machine_bytes()
    for place in places:
        try:
            text = place.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            limit = min(limit, int(text))
    return limit


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
