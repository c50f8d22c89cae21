"""Waiting for the signal to stop, in a small server process."""

from __future__ import annotations

import signal

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


def hold_back() -> None:
    """Keep stop signals pending; call before any thread starts, so that all do."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def wait() -> None:
    """Return when a stop signal came, also one that came before the call."""
    signal.sigwait(_NUMBERS)
