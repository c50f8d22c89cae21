"""A traceback with our own frames in sight and those of libraries folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAME = re.compile(
    r'\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<name>.+))?'
)
#: Folders of our own code, wherever it is installed.
_OURS = re.compile(r"(?:^|/)(?:services|shared|cli)/")
_LIBRARY = re.compile(r"(?:site|dist)-packages/(?P<name>[^/]+)")


@dataclass(frozen=True)
class Frames:
    """Lines that belong together.

    Attributes:
        lines: The lines.
        is_ours: Whether they are of our code, or say what happened.
        count: How many frames they are; 0 for lines between frames.
        origin: The library they are of, for folded ones.
    """

    lines: tuple[str, ...]
    is_ours: bool
    count: int = 0
    origin: str = ""

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def frames(stacktrace: str) -> list[Frames]:
    """Return a traceback in groups; neighbours of the same kind are one group."""
    groups: list[Frames] = []
    for part in _parts(stacktrace.splitlines()):
        last = groups[-1] if groups else None
        if last is not None and _belong_together(last, part):
            groups[-1] = Frames(
                (*last.lines, *part.lines),
                part.is_ours,
                last.count + part.count,
                last.origin or part.origin,
            )
        else:
            groups.append(part)
    return groups


def _belong_together(last: Frames, part: Frames) -> bool:
    return last.is_ours == part.is_ours and (part.is_ours or part.origin == last.origin)


def _parts(lines: list[str]) -> Iterator[Frames]:
    current: list[str] = []
    kind = Frames((), is_ours=True)
    for line in lines:
        match = _FRAME.match(line)
        is_inside = not match and current and kind.count and line.startswith("    ")
        if is_inside or (not match and not kind.count):
            current.append(line)
            continue
        if current:
            yield Frames(tuple(current), kind.is_ours, kind.count, kind.origin)
        current = [line]
        kind = _kind(match["path"]) if match else Frames((), is_ours=True)
    if current:
        yield Frames(tuple(current), kind.is_ours, kind.count, kind.origin)


def _kind(path: str) -> Frames:
    library = _LIBRARY.search(path)
    if library is not None:
        return Frames((), is_ours=False, count=1, origin=library["name"])
    if _OURS.search(path):
        return Frames((), is_ours=True, count=1)
    return Frames((), is_ours=False, count=1, origin="Python")
