"""Puts a Lua script together from its file and the includes that it names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.errors import ConfigurationError

FOLDER = Path(__file__).parent / "lua"
INCLUDES = FOLDER / "includes"

_INCLUDE = re.compile(r"^-- @include (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """A script as Redis gets it.

    Attributes:
        name: The file's name without the suffix; the transition's verb.
        source: The whole text.
        sha: Its SHA-1, by which EVALSHA calls it.
    """

    name: str
    source: str
    sha: str


def names() -> tuple[str, ...]:
    """Return the names of all scripts, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.lua")))


@cache
def load(name: str) -> Script:
    """Return the script called `name`, with every include written in once.

    Raises:
        ConfigurationError: When an include is missing or includes go in circles.
    """
    source = _expand(FOLDER / f"{name}.lua", done=set(), open_files=())
    sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    return Script(name, source, sha)


def _expand(path: Path, *, done: set[str], open_files: tuple[str, ...]) -> str:
    if path.stem in open_files:
        message = f"Lua includes go in circles: {' > '.join((*open_files, path.stem))}."
        raise ConfigurationError(message)
    if not path.exists():
        reader = f"{open_files[-1]}.lua includes" if open_files else "The broker calls"
        message = f"{reader} {path.stem!r}, which does not exist."
        raise ConfigurationError(message)

    def inline(match: re.Match[str]) -> str:
        parts = []
        for name in match[1].split():
            if name in done:
                continue
            part = _expand(
                INCLUDES / f"{name}.lua", done=done, open_files=(*open_files, path.stem)
            )
            done.add(name)
            parts.append(part)
        return "\n".join(parts)

    return _INCLUDE.sub(inline, path.read_text(encoding="utf-8"))
