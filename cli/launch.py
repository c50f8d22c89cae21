"""Become another program that is told to stop when its parent dies.

Run by path, without site packages: `python -I -S launch.py PARENT_PID PROGRAM ARG…`.
A program started this way outlives no crash of the runner, and nothing runs
between fork and exec in a parent that has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def command(arguments: list[str]) -> list[str]:
    """Return the command line that starts `arguments` this way from this process."""
    launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    return [*launcher, *arguments]


def main() -> None:
    """Ask the kernel for SIGTERM at the parent's death, then become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        # The parent may have died before the request was in place.
        if os.getppid() != parent:
            sys.exit(1)
    try:
        os.execv(program, sys.argv[2:])  # noqa: S606 - no shell, that is the point
    except OSError as error:
        sys.exit(f"{program} can't be started: {error.strerror}.")


if __name__ == "__main__":
    main()
