"""One part under the runner's eyes: probed, and started again when it dies."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import probe
from cli.errors import CliError

if TYPE_CHECKING:
    from cli.child import Part
    from cli.log_output import LogOutput

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 15.0
#: After this long without an accident earlier deaths are forgotten.
_FORGIVEN_AFTER_S = 30.0


@dataclass
class Watched:
    """One part and what happened to it; moments are monotonic seconds.

    Attributes:
        part: The part.
        output: Where to tell what happens.
        deaths: How often it died in a row.
        status: Exit status of the last death.
        started: When it was last started.
        due: When it is to be started again; None while it runs.
        is_ready: Whether its probe succeeded since the last start.
        was_ready: Whether it was ready in an earlier life.
        reason: Why it is not ready, as a fragment.
    """

    part: Part
    output: LogOutput
    deaths: int = 0
    status: int = 0
    started: float = 0.0
    due: float | None = None
    is_ready: bool = False
    was_ready: bool = False
    reason: str = "it has not answered yet"

    @property
    def name(self) -> str:
        """The part's name."""
        return self.part.spec.name

    @property
    def end(self) -> str:
        """How it last ended, as a phrase."""
        if self.status < 0:
            return f"was killed by {signal.Signals(-self.status).name}"
        return f"ended with status {self.status}"

    def start(self) -> None:
        """Start the part now.

        Raises:
            CliError: When it can't be started.
            OSError: When no process can be made.
        """
        self.due = None
        self.is_ready = False
        self.started = time.monotonic()
        self.part.start()

    def look_after(self) -> bool:
        """Probe the part or start it again; return whether it just died."""
        if self.due is not None:
            if time.monotonic() >= self.due:
                self.start_again()
            return False
        status = self.part.poll()
        if status is not None:
            self.status = status
            wait = self.count_death()
            self.output.tell(
                f"{self.name} {self.end} and starts again in {wait:g} s.",
                level="warning",
            )
            return True
        if not self.is_ready:
            self._probe()
        return False

    def start_again(self) -> None:
        """Start the part; when that fails, plan the next try."""
        try:
            self.start()
        except (CliError, OSError) as error:
            wait = self.count_death()
            self.output.tell(f"{error} Next try in {wait:g} s.", level="error")

    def count_death(self) -> float:
        """Plan the next start; return the seconds until then."""
        now = time.monotonic()
        lived_long = now - self.started >= _FORGIVEN_AFTER_S
        self.deaths = 1 if lived_long else self.deaths + 1
        doubled = _FIRST_WAIT_S * float(1 << min(self.deaths - 1, 10))
        wait = min(doubled, _LONGEST_WAIT_S)
        self.due = now + wait
        self.is_ready = False
        return wait

    def _probe(self) -> None:
        url = self.part.spec.probe_url
        reason = probe.not_ready(url) if url else None
        self.is_ready = reason is None
        self.reason = reason or ""
        if self.is_ready and self.was_ready:
            self.output.tell(f"{self.name} is back.")
        self.was_ready |= self.is_ready
