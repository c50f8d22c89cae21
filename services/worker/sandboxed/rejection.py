"""The error for files that can't be worked on."""

from __future__ import annotations


class Rejection(Exception):  # noqa: N818 - a verdict about the file, no malfunction
    """Raised when a file can't be worked on, now or ever; the message says why."""
