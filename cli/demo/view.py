"""Shows the jobs while they run: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cli.log_line import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.demo.progress import Progress

_STYLES = {
    "waiting": "dim",
    "delayed": "blue",
    "active": "cyan",
    "retrying": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "red",
}
_MARKS = {"completed": "✓", "failed": "✗", "cancelled": "✗", "retrying": "↻"}
_BAR_WIDTH = 24


class View(Protocol):
    """Shows the jobs while they run."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End, leaving the last picture."""

    def show(self, jobs: Sequence[Progress]) -> None:
        """Show where the jobs are now."""


def view(console: Console) -> View:
    """Return the view that fits where `console` prints to."""
    return LiveView(console) if console.is_terminal else LineView(console)


class LiveView:
    """A picture that is drawn again and again."""

    def __init__(self, console: Console) -> None:
        """Draw on `console`."""
        self._live = Live(console=console, refresh_per_second=10)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, jobs: Sequence[Progress]) -> None:
        """Draw one row per job, and one per failed attempt below it."""
        self._live.update(Group(*(_rows(job) for job in jobs)))


class LineView:
    """A line whenever something changed."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console
        self._said: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, jobs: Sequence[Progress]) -> None:
        """Print what is new: states, quarters of progress, failed attempts."""
        for job in jobs:
            for failure in job.failures():
                if ", waited" in failure:
                    self._say(job, failure)
            quarter = int(job.share * 4) * 25
            share = f" {quarter} %" if job.state == "active" and quarter else ""
            tries = f", attempt {job.tries}" if job.state == "retrying" else ""
            self._say(job, f"{job.state}{share}{tries}")

    def _say(self, job: Progress, words: str) -> None:
        line = f"{job.order.label:<20} {printable(words)}"
        if line not in self._said:
            self._said.add(line)
            self._console.print(line, highlight=False, markup=False)


def _rows(job: Progress) -> RenderableType:
    style = _STYLES.get(job.state, "")
    row = Table.grid(padding=(0, 1))
    row.add_column(width=1)
    row.add_column(width=19, no_wrap=True)
    row.add_column(width=_BAR_WIDTH)
    row.add_column(width=5, justify="right")
    row.add_column(no_wrap=True, overflow="ellipsis")
    tries = f"  attempt {job.tries}" if job.record.get("attemptsStarted", 0) > 1 else ""
    row.add_row(
        Text(_MARKS.get(job.state, "•"), style=style),
        job.order.label,
        ProgressBar(
            total=1.0,
            completed=job.share,
            width=_BAR_WIDTH,
            complete_style=style,
            finished_style="green",
        ),
        f"{job.share:.0%}",
        Text.assemble((job.state, style), (tries, "dim")),
    )
    notes = [Text(f"    ↳ {printable(f)}", style="yellow dim") for f in job.failures()]
    for note in notes:
        note.no_wrap, note.overflow = True, "ellipsis"
    return Group(row, *notes)
