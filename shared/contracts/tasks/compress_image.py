"""`compress-image`: one picture within a number of bytes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileReference
from shared.contracts.picture_source import FromFileOrAddress
from shared.contracts.retry import Backoff


class CompressImage(FromFileOrAddress):
    """Which picture, and how small.

    The best quality that fits is taken. If even the lowest that is allowed does not
    fit, the picture gets fewer pixels, or the job fails when it must not shrink.

    Attributes:
        source: Id of the stored picture: JPEG, PNG, WebP or GIF.
        url: Web address of the picture, instead of `source`.
        max_bytes: The budget.
        format: Format of the result.
        max_side: Longest side in pixels; left out, the picture's own.
        min_quality: Lowest quality, 1 to 100.
        max_quality: Highest quality, 1 to 100; more is not tried.
        may_shrink: Whether the picture may get fewer pixels to fit.
    """

    max_bytes: int = Field(ge=1_000, le=50_000_000)
    format: Literal["jpeg", "webp", "avif"] = "webp"
    max_side: Annotated[int, Field(ge=16, le=10_000)] | None = None
    min_quality: int = Field(default=40, ge=1, le=100)
    max_quality: int = Field(default=90, ge=1, le=100)
    may_shrink: bool = True

    @model_validator(mode="after")
    def _the_lowest_is_below_the_highest(self) -> CompressImage:
        if self.min_quality > self.max_quality:
            message = "minQuality must not be above maxQuality"
            raise ValueError(message)
        return self


class ImageCompressed(Model):
    """The picture that fits.

    Attributes:
        file: Where it is stored.
        width: Pixels.
        height: Pixels.
        bytes: Size; never above the budget.
        quality: The quality that was found.
        was_bytes: Size of the source.
    """

    file: FileReference
    width: int
    height: int
    bytes: int
    quality: int
    was_bytes: int


CONTRACT = TaskContract(
    name="compress-image",
    queue="image",
    summary="Finds the best quality of a picture that fits into a number of bytes.",
    data=CompressImage,
    result=ImageCompressed,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=1_000, jitter=0.2),
        timeout_ms=60_000,
    ),
    idempotent_by="The source never changes; a second run stores an equal picture.",
)
