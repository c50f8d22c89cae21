"""Where ffmpeg is, and what it may do."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from services.worker.sandboxed.orders import ProgramLimits
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext

#: Processors that one film may use.
THREADS = 2
#: Address space, in bytes: large pictures are kept for each thread.
_MEMORY_BYTES = 3 * 1024 * 1024 * 1024
#: The kinds of file that are opened. Playlists are none of them: they name others.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,ogg,asf,m4v"
)
#: How both programs are told to open a file.
OPENING = ("-protocol_whitelist", "file,pipe", "-format_whitelist", FORMATS)


def path_of(name: str) -> str:
    """Return where a program is.

    Raises:
        UnrecoverableError: When it is not installed.
    """
    path = shutil.which(name)
    if path is None:
        message = (
            f"The program {name} is not installed on this worker: "
            "install ffmpeg there, or let a worker that has it work on the queue media."
        )
        raise UnrecoverableError(message)
    return path


def limits(context: JobContext) -> ProgramLimits:
    """Return what one run of ffmpeg may use."""
    return ProgramLimits(
        memory_bytes=_MEMORY_BYTES,
        cpu_s=max(5, round(context.remaining_s() * THREADS)),
        file_bytes=context.storage.max_bytes,
    )
