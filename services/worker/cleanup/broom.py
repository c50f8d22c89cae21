"""Counts what a clean-up does, and knows when to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.cleaning import Cleaned

if TYPE_CHECKING:
    from services.worker.context import JobContext

_EXAMPLES = 10
#: Time that the end of a clean-up keeps for itself, in seconds.
_RESERVE_S = 2.0
DAY_MS = 24 * 3600 * 1000


class Broom:
    """One clean-up."""

    def __init__(self, context: JobContext, *, dry_run: bool) -> None:
        """Clean up in `context`; with `dry_run` only count."""
        self._context = context
        self.dry_run = dry_run
        self.examined = 0
        self._removed = 0
        self._bytes = 0
        self._examples: list[str] = []
        self._stopped = False

    @property
    def namespace(self) -> str:
        """Prefix of this installation's own keys, which are nobody's cache."""
        return self._context.settings.nightshift_namespace

    @property
    def must_stop(self) -> bool:
        """Whether the time is over; look before each step."""
        if self._context.cancelled or self._context.remaining_s() < _RESERVE_S:
            self._stopped = True
        return self._stopped

    def swept(self, name: str, *, size: int = 0) -> None:
        """Count a thing that was removed, or would have been."""
        self._removed += 1
        self._bytes += size
        if len(self._examples) < _EXAMPLES:
            self._examples.append(name)

    def result(self) -> Cleaned:
        """Return what was done, and say it in the job's log."""
        verb = "Would remove" if self.dry_run else "Removed"
        self._context.log(f"{verb} {self._removed:,} of {self.examined:,}.")
        return Cleaned(
            removed=self._removed,
            examined=self.examined,
            bytes=self._bytes,
            examples=self._examples,
            is_complete=not self._stopped,
            dry_run=self.dry_run,
        )
