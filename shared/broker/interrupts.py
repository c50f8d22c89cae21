"""Exceptions that are raised in a job's thread from outside."""

from __future__ import annotations

from dramatiq.threading import Interrupt


class JobCancelled(Interrupt):
    """Raised in the thread of a job whose cancellation was asked for.

    A task may catch it to put its things away; it must not go on.
    """
