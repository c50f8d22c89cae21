"""Where the log lines of all services go: the terminal and one file per service."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli import log_line

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

_REMEMBERED_LINES = 12
#: A file that grew past this is set aside once, so that two are kept at most.
_LARGEST_FILE = 5 * 1024 * 1024


class LogOutput:
    """Takes lines from many threads; `shown` decides whether the terminal sees them."""

    def __init__(
        self, console: Console, folder: Path, *, raw: bool = False, shown: bool = True
    ) -> None:
        """Write to `console` and to `folder`; `raw` prints lines as they came."""
        self.shown = shown
        self._console = console
        self._folder = folder
        self._raw = raw
        self._lock = threading.Lock()
        self._last: defaultdict[str, deque[str]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED_LINES)
        )

    def line(self, name: str, text: str) -> None:
        """Take one line of the service called `name`."""
        with self._lock:
            self._last[name].append(text)
            self._write(name, text)
        if self.shown:
            self._print(name, text)

    def tell(self, sentence: str, *, level: str = "info") -> None:
        """Say something in the runner's own name; always shown."""
        record = {
            "event": sentence,
            "level": level,
            "service": "nightshift",
            "timestamp": datetime.now(UTC).isoformat(),
        }
        line = json.dumps(record)
        with self._lock:
            self._write("nightshift", line)
        self._print("nightshift", line)

    def last_words(self, name: str) -> str:
        """Return the last readable lines of a service, newest last."""
        with self._lock:
            lines = list(self._last[name])
        return "\n".join(log_line.render(name, line).plain for line in lines)

    def _print(self, name: str, text: str) -> None:
        try:
            if self._raw:
                self._console.out(text, highlight=False)
            else:
                self._console.print(log_line.render(name, text), soft_wrap=True)
        except (OSError, SystemExit):
            # The terminal is gone (rich ends the thread when a pipe is): whoever reads
            # the children's output must go on, or they would block on a full pipe.
            self.shown = False

    def _write(self, name: str, text: str) -> None:
        path = self._folder / f"{name}.log"
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text + "\n")
                large = file.tell() > _LARGEST_FILE
            if large:
                path.replace(path.with_suffix(".log.1"))
        except OSError:
            # A full disk must not stop the services; the terminal still has the line.
            return
