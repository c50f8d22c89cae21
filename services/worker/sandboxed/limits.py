"""Takes away what a child doesn't need: memory, time, files, privileges."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.worker.sandboxed import syscalls

if TYPE_CHECKING:
    from services.worker.sandboxed.orders import Limits, ProgramLimits

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_MAX_FILES = 32


def die_with(parent_id: int) -> None:
    """Have the kernel kill this process when its parent `parent_id` ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before the call above.
        if os.getppid() != parent_id:
            os._exit(1)


def apply(limits: Limits) -> None:
    """Limit a reader that needs no files for the rest of its life."""
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s)
    # The soft limit's signal says what happened; the hard one can't be ignored.
    _limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 2)
    _limit(resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes)
    _limit(resource.RLIMIT_FSIZE, 0, 0)
    _limit(resource.RLIMIT_NOFILE, _MAX_FILES, _MAX_FILES)
    _limit(resource.RLIMIT_NPROC, 0, 0)
    _limit(resource.RLIMIT_CORE, 0, 0)
    if sys.platform == "linux":
        _be_killed_first()
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        syscalls.forbid()


def apply_to_program(limits: ProgramLimits) -> None:
    """Limit a program that works with files and threads, and needs no network."""
    os.umask(0o077)
    _limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 2)
    _limit(resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, limits.files, limits.files)
    _limit(resource.RLIMIT_CORE, 0, 0)
    if sys.platform == "linux":
        _be_killed_first()
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        syscalls.forbid(syscalls.OF_PROGRAMS)


def _limit(kind: int, soft: int, hard: int) -> None:
    # Not every system knows every limit; the others still hold.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(kind, (soft, hard))


def _be_killed_first() -> None:
    # When memory runs out, the picture goes and the worker stays.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _prctl(option: int, value: int) -> None:
    nothing = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(
        ctypes.c_int(option), ctypes.c_ulong(value), nothing, nothing, nothing
    )
