"""Runs a program that can be killed: limited, without secrets, in its own folder."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from services.worker.sandbox_conversation import (
    POLL_MS,
    SandboxError,
    SandboxStoppedError,
    SandboxTimeoutError,
)
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.worker.sandboxed.orders import ProgramLimits

_ROOT = Path(__file__).resolve().parents[2]
_BOOTSTRAP = (
    "import json, sys;"
    "sys.path[:] = json.loads(sys.argv[1]);"
    "from services.worker.sandboxed.launcher import main;"
    "main(sys.argv[2], sys.argv[3:])"
)
#: What a program may need to find its libraries; the rest may hold secrets.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_ERRORS = "errors.txt"
_LONGEST_LINE = 64 * 1024
_LONGEST_REASON = 300


class ProgramFailedError(UnrecoverableError):
    """Raised when a program says that it can't work on its file."""


@contextlib.contextmanager
def running(
    arguments: Sequence[str],
    *,
    folder: Path,
    limits: ProgramLimits,
    deadline: float,
    is_cancelled: Callable[[], bool],
) -> Iterator[Iterator[str]]:
    """Start a program; yields the lines that it writes, until it ends well.

    The program and all that it started are dead when this ends, in whatever way.

    Args:
        arguments: The program and its arguments; a name with a colon, such as
            `package.module:function`, is a function of ours.
        folder: Where it works; nothing else is promised to stay.
        limits: How much it may use.
        deadline: When it is killed, in `time.monotonic()` seconds.
        is_cancelled: Asked every now and then whether to stop.

    Raises:
        ProgramFailedError: When it can't work on its file, or needs too much.
        SandboxError: When it failed otherwise.
    """
    with (folder / _ERRORS).open("wb") as errors:
        process = _start(arguments, folder=folder, limits=limits, errors=errors)
    watch = _Watch(process, deadline=deadline, is_cancelled=is_cancelled)
    try:
        yield watch.lines(lambda cpu_s: _check_end(process, folder, limits, cpu_s))
    finally:
        _kill(process)


def _start(
    arguments: Sequence[str], *, folder: Path, limits: ProgramLimits, errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    paths = [str(Path(path).resolve()) for path in (str(_ROOT), *sys.path)]
    order = {"parent": os.getpid(), "limits": msgspec.to_builtins(limits)}
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [
            *(sys.executable, "-I", "-c", _BOOTSTRAP),
            *(json.dumps(paths), json.dumps(order)),
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**kept, "LC_ALL": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)},
        cwd=folder,
        # A group of its own, which is killed as a whole.
        start_new_session=True,
    )


class _Watch:
    """Reads what a program writes and looks after its time."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        deadline: float,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._process = process
        self._deadline = deadline
        self._is_cancelled = is_cancelled
        #: Processor time that the program took, once it has ended.
        self.cpu_s = 0.0

    def lines(self, check_end: Callable[[float], None]) -> Iterator[str]:
        """Yield the lines; the last of them after the program has ended well."""
        rest = b""
        for piece in self._pieces():
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                message = "The program said something unintelligible."
                raise SandboxError(message)
            yield from (line.decode("utf-8", "replace") for line in lines)
        self._wait()
        check_end(self.cpu_s)

    def _pieces(self) -> Iterator[bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        number = self._process.stdout.fileno()
        poller = select.poll()
        poller.register(number, select.POLLIN)
        while True:
            self._check()
            if poller.poll(POLL_MS):
                piece = os.read(number, _LONGEST_LINE)
                if not piece:
                    return
                yield piece

    def _wait(self) -> None:
        while True:
            self._check()
            process_id, status, used = os.wait4(self._process.pid, os.WNOHANG)
            if process_id:
                self._process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu_s = used.ru_utime + used.ru_stime
                return
            time.sleep(POLL_MS / 1000)

    def _check(self) -> None:
        if time.monotonic() >= self._deadline:
            message = "The file was not done in time."
            raise SandboxTimeoutError(message)
        if self._is_cancelled():
            message = "The job was told to stop."
            raise SandboxStoppedError(message)


def _check_end(
    process: subprocess.Popen[bytes],
    folder: Path,
    limits: ProgramLimits,
    cpu_s: float,
) -> None:
    code = process.returncode
    if code == 0:
        return
    # Some programs take the signal of the limit and end in a way of their own.
    if code == -signal.SIGXCPU or cpu_s >= limits.cpu_s:
        message = f"The file takes more than {limits.cpu_s} s of processor time."
        raise ProgramFailedError(message)
    if code == -signal.SIGXFSZ:
        megabytes = limits.file_bytes // (1024 * 1024)
        message = f"The result would have more than {megabytes} MB."
        raise ProgramFailedError(message)
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        message = "The program was killed, perhaps for lack of memory."
        raise SandboxError(message)
    if code < 0:
        name = signal.Signals(-code).name
        message = f"The file makes its reader crash ({name})."
        raise ProgramFailedError(message)
    raise ProgramFailedError(f"The file can't be worked on: {_last_words(folder)}")


def _last_words(folder: Path) -> str:
    text = (folder / _ERRORS).read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else "the program did not say why."
    # Where the file lay for a moment tells nobody anything.
    return last.replace(f"{folder}/", "")[:_LONGEST_REASON]


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
