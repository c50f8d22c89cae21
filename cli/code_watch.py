"""Watches our code and says which folders changed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import shared

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDERS = ("services/api", "services/worker", "services/scheduler", "shared")


class CodeWatch:
    """Calls `on_change` with the changed folders, from a thread of its own."""

    def __init__(
        self, on_change: Callable[[frozenset[str]], None], *, root: Path | None = None
    ) -> None:
        """Take the callback; watching begins with the `with` block.

        Args:
            on_change: Gets the folders, relative to `root`.
            root: The project; where our code lies when None.
        """
        self._root = root or Path(shared.__file__).resolve().parent.parent
        self._on_change = on_change
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="code-watch")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        # Rust wheels load slowly; only `--reload` pays for this one.
        from watchfiles import DefaultFilter, watch  # noqa: PLC0415

        roots = [self._root / folder for folder in _FOLDERS]
        changes = watch(
            *(root for root in roots if root.is_dir()),
            watch_filter=DefaultFilter(),
            stop_event=self._stop,
            rust_timeout=500,
            yield_on_timeout=False,
        )
        for batch in changes:
            folders = {self._folder_of(Path(path)) for _, path in batch}
            self._on_change(frozenset(folders))

    def _folder_of(self, path: Path) -> str:
        relative = path.resolve().relative_to(self._root)
        return next((f for f in _FOLDERS if relative.is_relative_to(f)), "")
