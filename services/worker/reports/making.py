"""Has a report made in a killable child, and stores it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from services.worker import artifacts, sandbox_program
from services.worker.reports.orders import (
    ORDER_FILE,
    RESULT_FILE,
    SOURCE_FILE,
    Order,
    Said,
)
from services.worker.sandbox_conversation import SandboxError
from services.worker.sandboxed.orders import ProgramLimits
from shared.errors import (
    StoredFileNotFoundError,
    UnrecoverableError,
)

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.fields import FileReference

_PROGRAM = "services.worker.reports.child:main"
_MB = 1024 * 1024
_CHUNK_BYTES = _MB
#: How much longer than the job a child may live, in seconds: the job's own time limit
#: goes first, so that the job fails for being late and not for a killed child.
_AFTER_THE_JOB_S = 0.5
CONTENT_TYPES = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "gz": "application/gzip",
}


@dataclass(frozen=True)
class Limits:
    """How much a report may take.

    Attributes:
        memory_mb: Address space, in megabytes.
        cpu_s: Processor time, in seconds.
    """

    memory_mb: int = 1536
    cpu_s: int = 120


@dataclass(frozen=True)
class Made:
    """A stored report.

    Attributes:
        file: Where it is.
        said: What its child told.
    """

    file: FileReference
    said: Said


def make(
    order: Order,
    *,
    name: str,
    context: JobContext,
    source_id: str | None = None,
    limits: Limits | None = None,
) -> Made:
    """Make a report and store it; nothing stays when that fails.

    Args:
        order: What to make.
        name: Name of the file; its ending says what it is.
        context: The job.
        source_id: Id of the file that holds the rows.
        limits: How much it may take.

    Raises:
        UnrecoverableError: When it can't be made of this.
        SandboxError: When the child failed otherwise.
        StorageError: When the store failed.
    """
    allowed = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="nightshift-report-") as place:
        folder = Path(place)
        if source_id is not None:
            _lay_out(source_id, folder / SOURCE_FILE, context)
        (folder / ORDER_FILE).write_bytes(msgspec.json.encode(order))
        said = _run(folder, allowed, context)
        return Made(_stored(folder / RESULT_FILE, name, context), said)


def _lay_out(source_id: str, path: Path, context: JobContext) -> None:
    try:
        chunks = context.storage.stream(source_id)
    except StoredFileNotFoundError:
        message = f"There is no file {source_id}; upload the table first."
        raise UnrecoverableError(message) from None
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)


def _run(folder: Path, allowed: Limits, context: JobContext) -> Said:
    limits = ProgramLimits(
        memory_bytes=allowed.memory_mb * _MB,
        cpu_s=allowed.cpu_s,
        # A table is written in several files before it is packed.
        file_bytes=max(context.storage.max_bytes, 1024 * _MB),
    )
    last: Said | None = None
    with sandbox_program.running(
        [_PROGRAM],
        folder=folder,
        limits=limits,
        deadline=context.deadline + _AFTER_THE_JOB_S,
        is_cancelled=lambda: context.cancelled,
    ) as lines:
        for line in lines:
            last = msgspec.json.decode(line, type=Said)
            if last.kind == "progress":
                context.progress({"percent": last.percent, "rows": last.read})
    if last is None or last.kind == "progress":
        message = "The report's process ended without an answer."
        raise SandboxError(message)
    if last.kind == "memory":
        message = f"The report takes more than {allowed.memory_mb:,} MB of memory."
        raise UnrecoverableError(message)
    if last.kind == "rejected":
        raise UnrecoverableError(last.message)
    return last


def _stored(path: Path, name: str, context: JobContext) -> FileReference:
    ending = name.rpartition(".")[2]
    return artifacts.keep(
        path,
        name=name,
        content_type=CONTENT_TYPES.get(ending, "application/octet-stream"),
        storage=context.storage,
    )


def file_name(title: str, ending: str) -> str:
    """Return a file's name made of a title.

    >>> file_name("Sales, 1/2 of 2026", "pdf")
    'Sales, 1-2 of 2026.pdf'
    """
    return f"{title.replace('/', '-')[:100].strip() or 'report'}.{ending}"
