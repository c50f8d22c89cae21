"""How long a finished job is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from shared.contracts.model import Model

if TYPE_CHECKING:
    from typing import Self


class Retention(Model):
    """Keep at most `count` finished jobs, none older than `age` seconds.

    Attributes:
        age: Seconds after the finish; None means without limit.
        count: Number of jobs; None means without limit, 0 keeps none.
    """

    age: int | None = Field(default=None, ge=0, le=10 * 365 * 86_400)
    count: int | None = Field(default=None, ge=0, le=100_000_000)

    @classmethod
    def of(cls, setting: bool | int | Self) -> Self:  # noqa: FBT001 - BullMQ's shape
        """Read BullMQ's `removeOnComplete`: true keeps none, false keeps all."""
        if isinstance(setting, Retention):
            return setting
        if isinstance(setting, bool):
            return cls(count=0) if setting else cls()
        return cls(count=setting)
