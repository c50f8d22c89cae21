"""Removes old files of the log folder."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from services.worker.cleanup.broom import DAY_MS, Broom
from shared import clock
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.old_logs import OldLogs


def run(data: OldLogs, context: JobContext) -> Cleaned:
    """Walk through the folder; links are left alone and not followed."""
    root = context.settings.nightshift_log_dir
    if not root:
        message = "No log folder is configured: set NIGHTSHIFT_LOG_DIR for the worker."
        raise UnrecoverableError(message)
    broom = Broom(context, dry_run=data.dry_run)
    before_s = (clock.now_ms() - data.days_old * DAY_MS) / 1000
    # Every step names files by their open folder: a folder that somebody swaps for a
    # link meanwhile leads nowhere else.
    try:
        for folder, _, files, folder_fd in os.fwalk(root, onerror=_refuse):
            for name in files:
                if broom.must_stop:
                    return broom.result()
                if fnmatchcase(name, data.pattern):
                    _handle(folder, name, folder_fd, before_s, broom)
    except OSError as error:
        message = f"The log folder can't be cleaned: {error.strerror}: {error.filename}"
        raise UnrecoverableError(message) from error
    return broom.result()


def _handle(
    folder: str, name: str, folder_fd: int, before_s: float, broom: Broom
) -> None:
    broom.examined += 1
    try:
        about = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        if not stat.S_ISREG(about.st_mode) or about.st_mtime >= before_s:
            return
        if not broom.dry_run:
            os.unlink(name, dir_fd=folder_fd)
    except FileNotFoundError:
        # Somebody else removed it.
        return
    broom.swept(f"{folder}/{name}", size=about.st_size)


def _refuse(error: OSError) -> None:
    raise error
