"""Starts the parts in order, keeps them alive and stops them in order."""

from __future__ import annotations

import contextlib
import queue
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from cli.errors import ChildError, StoppedError
from cli.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cli.child import Part
    from cli.log_output import LogOutput

READY_TIMEOUT_S = 60.0
_TICK_S = 0.1
#: The work beside looks at `stopping` several times a second.
_WORK_TIMEOUT_S = 1.0
_GRACE_BEFORE_READY_S = 2.0
#: A service ends with this status when its settings are nonsense.
_REFUSED = 2
#: A part that dies this often before everything is ready won't get better.
_HOPELESS_DEATHS = 3
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class StopAsked:
    """The user, or the system, wants everything to stop."""


@dataclass(frozen=True)
class FilesChanged:
    """Code changed in these folders, relative to the project."""

    folders: frozenset[str]


@dataclass(frozen=True)
class WorkDone:
    """The work that was to be done beside the services has ended."""


Happening = StopAsked | FilesChanged | WorkDone


class Runner:
    """Owns the parts; all its methods run in the main thread.

    Use it as a context manager: on leaving, nothing that it started is left.
    """

    def __init__(
        self, parts: Sequence[Part], *, stop_order: Sequence[str], output: LogOutput
    ) -> None:
        """Take the parts in start order and the names in stop order."""
        self._watched = [Watched(part, output) for part in parts]
        self._stop_order = stop_order
        self._output = output
        # SimpleQueue: a signal handler may put while the main thread gets.
        self._happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._stop_asked = 0

    @property
    def stopping(self) -> threading.Event:
        """Set as soon as a stop was asked for; for threads that work beside."""
        return self._stopping

    def put(self, happening: Happening) -> None:
        """Tell the runner that something happened; safe in any thread or handler."""
        self._happenings.put(happening)

    def __enter__(self) -> Self:
        # Under nohup a hang-up is ignored, and stays so.
        wanted = [n for n in _SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        self._old = {n: signal.signal(n, self._on_signal) for n in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            for watched in self._watched:
                watched.part.kill()
            for number, handler in self._old.items():
                signal.signal(number, handler)

    def start(self, *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Start every part and wait until all are ready.

        Raises:
            ChildError: When one ends with a refusal, dies again and again, or is not
                ready after `timeout_s` seconds.
            ServerError: When the embedded server can't be started.
            StoppedError: When a stop was asked for meanwhile.
        """
        for watched in self._watched:
            watched.start()
        deadline = time.monotonic() + timeout_s
        while not all(w.is_ready for w in self._watched):
            self._tick(starting=True)
            if self._stop_asked:
                raise StoppedError("Stopped before everything was ready.")
            if time.monotonic() >= deadline:
                raise self._not_ready_in_time(timeout_s)

    def serve(self, work: Callable[[], None] | None = None) -> None:
        """Keep everything alive until a stop is asked for or `work` is done.

        Raises:
            CliError: What `work` raised; it runs in a thread of its own.
        """
        with self._working(work) as failures:
            done = False
            while not self._stop_asked and not done:
                done = self._tick()
        if failures and not isinstance(failures[0], StoppedError):
            raise failures[0]

    def stop(self) -> None:
        """Stop the parts one after the other; a second stop request kills them all."""
        self._stopping.set()
        for watched in self._in_stop_order():
            watched.part.terminate()
            self._wait_for_end([watched], asked_before=1)

    @property
    def was_killed(self) -> bool:
        """Whether a stop was asked for more than once."""
        return self._stop_asked > 1

    def _on_signal(self, *_: object) -> None:
        self._happenings.put(StopAsked())

    @contextlib.contextmanager
    def _working(
        self, work: Callable[[], None] | None
    ) -> Iterator[list[BaseException]]:
        failures: list[BaseException] = []

        def run() -> None:
            try:
                if work is not None:
                    work()
            except BaseException as error:  # noqa: BLE001 - raised again by serve()
                failures.append(error)
            self.put(WorkDone())

        if work is None:
            yield failures
            return
        thread = threading.Thread(target=run, name="work", daemon=True)
        thread.start()
        try:
            yield failures
        finally:
            if self._stop_asked:
                self._stopping.set()
            thread.join(_WORK_TIMEOUT_S)

    def _tick(self, *, starting: bool = False) -> bool:
        """Look after every part once; return whether the work beside is done."""
        done = self._take_happenings()
        for watched in self._watched:
            if watched.look_after() and starting:
                self._check_hope(watched)
        return done

    def _take_happenings(self) -> bool:
        done = False
        with contextlib.suppress(queue.Empty):
            happening = self._happenings.get(timeout=_TICK_S)
            while True:
                if isinstance(happening, StopAsked):
                    self._stop_asked += 1
                elif isinstance(happening, FilesChanged):
                    self._reload(happening.folders)
                else:
                    done = True
                happening = self._happenings.get_nowait()
        return done

    def _check_hope(self, watched: Watched) -> None:
        """Give up on a part that died before everything was ready, if it is no use."""
        words = self._last_words(watched.name)
        if watched.status == _REFUSED:
            raise ChildError(f"{watched.name} refused to start. {words}")
        if watched.deaths >= _HOPELESS_DEATHS:
            raise ChildError(
                f"{watched.name} does not stay alive: it {watched.end} "
                f"{watched.deaths} times. {words}"
            )

    def _reload(self, folders: Iterable[str]) -> None:
        changed = set(folders)
        restarted = [
            w for w in self._watched if changed.intersection(w.part.spec.folders)
        ]
        if not restarted:
            return
        names = ", ".join(w.name for w in restarted)
        self._output.tell(f"Code changed: {names} restart.")
        for watched in restarted:
            watched.part.terminate()
        self._wait_for_end(restarted, asked_before=self._stop_asked)
        for watched in restarted:
            watched.deaths = 0
            watched.start_again()

    def _wait_for_end(self, ending: Sequence[Watched], *, asked_before: int) -> None:
        """Wait for parts that got SIGTERM; kill them when their grace is over."""
        started = time.monotonic()
        while any(w.part.poll() is None for w in ending):
            with contextlib.suppress(queue.Empty):
                happening = self._happenings.get(timeout=_TICK_S / 4)
                self._stop_asked += isinstance(happening, StopAsked)
            hurried = self._stop_asked > asked_before
            for watched in ending:
                waited = time.monotonic() - started
                if hurried or waited >= _grace_s(watched):
                    watched.part.kill()
        for watched in ending:
            watched.part.kill()

    def _in_stop_order(self) -> list[Watched]:
        def rank(watched: Watched) -> int:
            names = list(self._stop_order)
            return names.index(watched.name) if watched.name in names else len(names)

        return sorted(self._watched, key=rank)

    def _not_ready_in_time(self, timeout_s: float) -> ChildError:
        late = [w for w in self._watched if not w.is_ready]
        reasons = " ".join(f"{w.name}: {w.reason}." for w in late)
        words = " ".join(f"{w.name}: {self._last_words(w.name)}" for w in late)
        return ChildError(
            f"Not everything was ready within {timeout_s:g} s. {reasons} {words}"
        )

    def _last_words(self, name: str) -> str:
        words = self._output.last_words(name)
        if self._output.shown and words:
            return "Its lines above say why."
        return f"Its last lines:\n{words}" if words else "It said nothing."


def _grace_s(watched: Watched) -> float:
    """Return how long a part may take to end; one that never worked has no work."""
    grace_s = watched.part.spec.grace_s
    return grace_s if watched.was_ready else min(grace_s, _GRACE_BEFORE_READY_S)
