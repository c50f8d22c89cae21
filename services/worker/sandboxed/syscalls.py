"""Forbids system calls that a file reader never needs, on Linux.

A decoder that was taken over can still compute, but not open files (such as the
worker's environment under /proc), connect, or start programs.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2

#: Numbers of the forbidden calls, from the kernel's own tables, per machine.
_FORBIDDEN: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "open": 2,
            "socket": 41,
            "connect": 42,
            "accept": 43,
            "bind": 49,
            "listen": 50,
            "socketpair": 53,
            "clone": 56,
            "fork": 57,
            "vfork": 58,
            "execve": 59,
            "kill": 62,
            "truncate": 76,
            "rename": 82,
            "mkdir": 83,
            "rmdir": 84,
            "creat": 85,
            "link": 86,
            "unlink": 87,
            "symlink": 88,
            "chmod": 90,
            "chown": 92,
            "lchown": 94,
            "ptrace": 101,
            "mknod": 133,
            "mount": 165,
            "umount2": 166,
            "openat": 257,
            "mkdirat": 258,
            "mknodat": 259,
            "fchownat": 260,
            "unlinkat": 263,
            "renameat": 264,
            "linkat": 265,
            "symlinkat": 266,
            "fchmodat": 268,
            "unshare": 272,
            "accept4": 288,
            "perf_event_open": 298,
            "setns": 308,
            "process_vm_readv": 310,
            "process_vm_writev": 311,
            "renameat2": 316,
            "memfd_create": 319,
            "bpf": 321,
            "execveat": 322,
            "userfaultfd": 323,
            "pidfd_send_signal": 424,
            "io_uring_setup": 425,
            "pidfd_open": 434,
            "clone3": 435,
            "openat2": 437,
            "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "mknodat": 33,
            "mkdirat": 34,
            "unlinkat": 35,
            "symlinkat": 36,
            "linkat": 37,
            "renameat": 38,
            "umount2": 39,
            "mount": 40,
            "truncate": 45,
            "fchmodat": 53,
            "fchownat": 54,
            "openat": 56,
            "unshare": 97,
            "ptrace": 117,
            "kill": 129,
            "socket": 198,
            "socketpair": 199,
            "bind": 200,
            "listen": 201,
            "accept": 202,
            "connect": 203,
            "clone": 220,
            "execve": 221,
            "perf_event_open": 241,
            "accept4": 242,
            "setns": 268,
            "process_vm_readv": 270,
            "process_vm_writev": 271,
            "renameat2": 276,
            "memfd_create": 279,
            "bpf": 280,
            "execveat": 281,
            "userfaultfd": 282,
            "pidfd_send_signal": 424,
            "io_uring_setup": 425,
            "pidfd_open": 434,
            "clone3": 435,
            "openat2": 437,
            "pidfd_getfd": 438,
        },
    ),
}

#: What a program with files and threads of its own doesn't need either.
OF_PROGRAMS = frozenset(
    {
        "socket",
        "connect",
        "accept",
        "accept4",
        "bind",
        "listen",
        "ptrace",
        "mount",
        "umount2",
        "unshare",
        "setns",
        "perf_event_open",
        "process_vm_readv",
        "process_vm_writev",
        "bpf",
        "userfaultfd",
        "io_uring_setup",
        "pidfd_open",
        "pidfd_getfd",
        "pidfd_send_signal",
    }
)

# The instructions of a kernel filter, and the fields of what it looks at.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_OFFSET, _MACHINE_OFFSET = 0, 4
_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_REFUSE = 0x00050000 | errno.EPERM
#: From here on, x86_64's second set of numbers for the same calls.
_X32 = 0x40000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def forbid(names: frozenset[str] | None = None) -> bool:
    """Install the filter; needs no privilege once new ones are given up.

    Args:
        names: Calls to forbid; left out, all that a reader without files never needs.

    Returns:
        Whether it holds; not on a machine whose numbers aren't known, nor where the
        kernel has no filters.
    """
    known = _FORBIDDEN.get(platform.machine())
    if known is None:
        return False
    machine, calls = known
    chosen = [number for name, number in calls.items() if not names or name in names]
    instructions = _instructions(machine, sorted(chosen))
    program = _Program(len(instructions), b"".join(instructions))
    prctl = ctypes.CDLL(None).prctl
    answer: int = prctl(
        _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    )
    return answer == 0


def _instructions(machine: int, numbers: list[int]) -> list[bytes]:
    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    # Each jump counts the instructions it skips; the refusal is the last one.
    steps = [
        step(_LOAD, _MACHINE_OFFSET),
        step(_JUMP_EQUAL, machine, 1, 0),
        step(_RETURN, _KILL),
        step(_LOAD, _NUMBER_OFFSET),
        step(_JUMP_AT_LEAST, _X32, len(numbers) + 1, 0),
    ]
    for index, number in enumerate(numbers):
        steps.append(step(_JUMP_EQUAL, number, len(numbers) - index, 0))
    steps.append(step(_RETURN, _ALLOW))
    steps.append(step(_RETURN, _REFUSE))
    return steps
