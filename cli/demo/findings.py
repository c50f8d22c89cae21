"""What the verification found, and the table of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from cli.log_line import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.demo.api_client import Document
    from cli.demo.progress import Progress

from cli.errors import CliError

_LONGEST = 400
#: Beside it, on 80 columns, the path of a file still fits on one line.
_JOB_WIDTH = 23


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One job and whether its result is what it claims.

    Attributes:
        job: The job.
        result: Where the result is, or why it is not accepted.
        is_verified: Whether everything was as it should be.
    """

    job: Progress
    result: str
    is_verified: bool


def examine(job: Progress, check: Callable[[Document], str]) -> Finding:
    """Verify one job's result."""
    state = job.record["state"]
    if state != "completed":
        reason = str(job.record.get("failedReason") or "it did not end in time")
        return Finding(job=job, result=f"{state}: {reason}", is_verified=False)
    try:
        return Finding(job=job, result=check(job.record), is_verified=True)
    except (CliError, KeyError, TypeError, ValueError) as error:
        # A record of another shape than ours is a result that can't be verified, too.
        reason = str(error) if isinstance(error, CliError) else repr(error)
        return Finding(job=job, result=reason, is_verified=False)


def table(findings: Sequence[Finding]) -> Table:
    """Return a table of all jobs: what they did, how, and where the result is."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), header_style="dim")
    drawn.add_column("Job", width=_JOB_WIDTH)
    drawn.add_column("Tries", justify="right", no_wrap=True)
    drawn.add_column("Time", justify="right", no_wrap=True)
    drawn.add_column("Verified result", overflow="fold")
    for finding in findings:
        job, good = finding.job, finding.is_verified
        drawn.add_row(
            Text.assemble(
                ("✓ ", "green") if good else ("✗ ", "bold red"),
                job.order.label,
                (f"\n  {job.order.what}", "dim"),
            ),
            job.tries,
            "" if job.seconds is None else f"{job.seconds:.2f} s",
            Text(
                "\n".join(map(printable, finding.result[:_LONGEST].splitlines())),
                style="" if good else "red",
            ),
        )
    return drawn
