"""Becomes a limited program: limits first, then what was asked for."""

from __future__ import annotations

import importlib
import json
import os
import signal
from typing import TYPE_CHECKING

import msgspec

from services.worker.sandboxed import limits
from services.worker.sandboxed.orders import ProgramLimits

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(order: str, arguments: Sequence[str]) -> None:
    """Limit this process, then run a function of ours or another program."""
    told = json.loads(order)
    limits.die_with(told["parent"])
    program, *rest = arguments
    module, _, function = program.partition(":")
    # Ours is imported first: it may read its own files, and needs time to.
    call = getattr(importlib.import_module(module), function) if function else None
    limits.apply_to_program(msgspec.convert(told["limits"], ProgramLimits))
    if call is not None:
        call(*rest)
    else:
        # Python ignores it, and what is ignored stays so in the next program.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(program, list(arguments))  # noqa: S606 - no shell is wanted
