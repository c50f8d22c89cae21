from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from services.worker.sandbox import Sandbox, Source
from services.worker.sandbox_conversation import (
    SandboxError,
    SandboxStoppedError,
    SandboxTimeoutError,
)
from services.worker.sandboxed.orders import Limits, ResizeOrder
from shared.errors import UnrecoverableError
from tests.support.photos import corners, encoded
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.worker.sandboxed.framing import Frame

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


@pytest.fixture(scope="module")
def small() -> bytes:
    return encoded(corners(), "PNG")


@pytest.fixture(scope="module")
def laborious() -> bytes:
    """A picture that takes seconds to write as AVIF."""
    noise = Image.effect_noise((3000, 2500), 90).convert("RGB")
    return encoded(noise, "JPEG", quality=60)


def order(**fields: Any) -> ResizeOrder:
    defaults: dict[str, Any] = {
        "width": None,
        "height": None,
        "fit": "inside",
        "format": None,
        "quality": 80,
        "background": None,
    }
    return ResizeOrder(**{**defaults, **fields})


def ask(
    box: Sandbox,
    source: bytes,
    *,
    within_s: float = 30,
    is_cancelled: Callable[[], bool] = lambda: False,
    **fields: Any,
) -> list[Frame]:
    with box.run(
        order(**fields),
        Source([source], len(source)),
        max_part_bytes=50_000_000,
        deadline=time.monotonic() + within_s,
        is_cancelled=is_cancelled,
    ) as parts:
        return list(parts)


def zygote_id(box: Sandbox) -> int:
    assert box._zygote is not None
    return box._zygote._process.pid


def children_of(process_id: int) -> list[int]:
    try:
        text = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def open_files(process: str) -> list[str]:
    found = []
    for entry in Path(f"/proc/{process}/fd").iterdir():
        # The look itself opens the folder, for a moment.
        with contextlib.suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


def is_alive(process_id: int) -> bool:
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        return state[0] != "Z"
    return False


def test_a_child_does_its_order(sandbox: Sandbox, small: bytes) -> None:
    [part] = ask(sandbox, small, width=20)

    assert (part.header["width"], part.header["height"]) == (20, 10)


def test_many_threads_may_ask_at_once(sandbox: Sandbox, small: bytes) -> None:
    widths = list(range(10, 26))
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda width=width: found.append(
                ask(sandbox, small, width=width)[0].header["width"]
            )
        )
        for width in widths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == widths


@linux
def test_a_child_is_killed_at_its_deadline(sandbox: Sandbox, laborious: bytes) -> None:
    started = time.monotonic()

    with pytest.raises(SandboxTimeoutError, match="not done in time"):
        ask(sandbox, laborious, within_s=0.6, format="avif")

    assert time.monotonic() - started < 2.6
    assert children_of(zygote_id(sandbox)) == []


@linux
def test_a_child_is_killed_when_the_job_is_told_to_stop(
    sandbox: Sandbox, laborious: bytes
) -> None:
    sandbox.warm()
    stop_at = time.monotonic() + 0.3

    with pytest.raises(SandboxStoppedError):
        ask(
            sandbox,
            laborious,
            is_cancelled=lambda: time.monotonic() > stop_at,
            format="avif",
        )

    assert time.monotonic() - stop_at < 2
    assert children_of(zygote_id(sandbox)) == []


class Interruption(BaseException):
    """As Dramatiq raises in a thread whose time is over."""


@linux
def test_a_child_is_killed_when_its_thread_is_interrupted(
    sandbox: Sandbox, laborious: bytes
) -> None:
    sandbox.warm()
    ended = threading.Event()

    def work() -> None:
        try:
            ask(sandbox, laborious, format="avif")
        except Interruption:
            ended.set()

    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: children_of(zygote_id(sandbox)))
    interrupted = time.monotonic()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Interruption)
    )
    thread.join(timeout=10)

    assert ended.is_set()
    assert time.monotonic() - interrupted < 2
    assert children_of(zygote_id(sandbox)) == []


def test_a_file_that_takes_too_much_memory_is_refused(laborious: bytes) -> None:
    box = Sandbox(limits=Limits(memory_bytes=100 * 1024 * 1024))
    with (
        contextlib.closing(box),
        pytest.raises(UnrecoverableError, match="100 MB of memory"),
    ):
        ask(box, encoded(Image.new("RGB", (7000, 5000)), "PNG"))


def test_a_file_that_takes_too_much_processor_time_is_refused(
    laborious: bytes,
) -> None:
    box = Sandbox(limits=Limits(cpu_s=1))
    with (
        contextlib.closing(box),
        pytest.raises(UnrecoverableError, match="1 s of processor time"),
    ):
        ask(box, laborious, format="avif")


@linux
def test_a_killed_child_is_worth_another_attempt(
    sandbox: Sandbox, laborious: bytes, small: bytes
) -> None:
    sandbox.warm()

    def kill() -> None:
        [child] = wait_for(lambda: children_of(zygote_id(sandbox)))
        os.kill(child, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(SandboxError, match="was killed"):
        ask(sandbox, laborious, format="avif")
    killer.join()

    assert ask(sandbox, small)


def test_a_dead_zygote_is_replaced(sandbox: Sandbox, small: bytes) -> None:
    ask(sandbox, small)
    first = zygote_id(sandbox)
    assert sandbox._zygote is not None
    sandbox._zygote._process.kill()
    wait_for(lambda: sandbox._zygote and not sandbox._zygote.is_usable)

    assert ask(sandbox, small)
    assert zygote_id(sandbox) != first


@linux
def test_a_child_has_no_secrets_and_no_sockets_of_the_worker(
    sandbox: Sandbox, laborious: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_CANARY", "a secret")
    ours = set(open_files("self"))
    seen: dict[str, Any] = {}

    def look() -> None:
        def limited() -> int | None:
            for child in children_of(zygote_id(sandbox)):
                status = Path(f"/proc/{child}/status").read_text()
                if "Seccomp:\t2" in status:
                    return child
            return None

        child = wait_for(limited)
        folder = Path(f"/proc/{child}")
        seen["environment"] = (folder / "environ").read_bytes()
        seen["files"] = open_files(str(child))
        seen["status"] = (folder / "status").read_text()
        seen["limits"] = (folder / "limits").read_text()

    sandbox.warm()
    looker = threading.Thread(target=look)
    looker.start()
    with contextlib.suppress(SandboxTimeoutError):
        ask(sandbox, laborious, within_s=3, format="avif")
    looker.join()

    assert b"NIGHTSHIFT" not in seen["environment"]
    assert len(seen["files"]) == 4
    assert len(set(seen["files"]) - {"/dev/null"}) == 1
    assert not (set(seen["files"]) - {"/dev/null"}) & ours
    assert "NoNewPrivs:\t1" in seen["status"]
    assert "Max address space         536870912" in seen["limits"]
    assert "Max open files            32" in seen["limits"]


@linux
def test_a_limited_process_can_t_open_files_connect_or_start_programs() -> None:
    script = """
import os, socket, subprocess, sys, pathlib
from services.worker.sandboxed import limits
from services.worker.sandboxed.orders import Limits
limits.apply(Limits())
for name, attempt in {
    "open": lambda: open("/proc/self/environ"),
    "socket": lambda: socket.socket(),
    "fork": lambda: os.fork(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(1, 0),
}.items():
    try:
        attempt()
    except PermissionError:
        print(name, end=" ")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.split() == ["open", "socket", "fork", "exec", "kill"], (
        done.stderr
    )


@linux
def test_everything_ends_with_the_worker() -> None:
    script = """
import sys, time
from PIL import Image
from services.worker.sandbox import Sandbox, Source
from services.worker.sandboxed.orders import ResizeOrder
from tests.support.photos import encoded
source = encoded(Image.effect_noise((3000, 2500), 90).convert("RGB"), "JPEG")
box = Sandbox()
box.warm()
print(box._zygote._process.pid, flush=True)
order = ResizeOrder(width=None, height=None, fit="inside", format="avif", quality=80,
                    background=None)
with box.run(order, Source([source], len(source)), max_part_bytes=10**8,
             deadline=time.monotonic() + 60, is_cancelled=lambda: False) as parts:
    list(parts)
"""
    worker = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with worker:
        assert worker.stdout is not None
        zygote = int(worker.stdout.readline())
        [child] = wait_for(lambda: children_of(zygote))
        worker.kill()

    wait_for(lambda: not is_alive(child), within_s=5, what="an end of the child")
    wait_for(lambda: not is_alive(zygote), within_s=5, what="an end of the zygote")


def test_a_warm_sandbox_costs_little(sandbox: Sandbox, small: bytes) -> None:
    ask(sandbox, small, width=8)
    durations: list[float] = []
    for _ in range(15):
        started = time.monotonic()
        ask(sandbox, small, width=8)
        durations.append(time.monotonic() - started)

    # About 8 ms on an idle machine; the rest is room for a busy one.
    assert min(durations) < 0.06
