"""What all clean-ups have in common."""

from __future__ import annotations

from pydantic import Field

from shared.contracts.model import Model


class CleanUp(Model):
    """How to clean up.

    Attributes:
        dry_run: Only tell what would be removed.
    """

    dry_run: bool = False


class OptionalCleanUp(CleanUp):
    """A clean-up of something that an installation may not have.

    Attributes:
        if_configured: Where it is not configured: end well, there is nothing to do.
            Without it such a job fails, as a caller who named something would expect.
    """

    if_configured: bool = False


class Cleaned(Model):
    """What a clean-up removed, or would have.

    Attributes:
        removed: How many things.
        examined: How many it looked at.
        bytes: Bytes of what was removed, where things have a size.
        examples: The first ten that were removed.
        is_complete: False when it ran out of time: the next run goes on.
        dry_run: Whether everything is still there.
    """

    removed: int
    examined: int
    bytes: int = 0
    examples: list[str] = Field(default_factory=list)
    is_complete: bool
    dry_run: bool
