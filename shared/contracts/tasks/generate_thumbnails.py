"""`generate-thumbnails`: one picture in several small sizes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileReference
from shared.contracts.picture_source import FromFileOrAddress
from shared.contracts.retry import Backoff

LongSide = Annotated[int, Field(ge=16, le=4096)]


class GenerateThumbnails(FromFileOrAddress):
    """Which picture, and how small.

    Attributes:
        source: Id of the stored picture: JPEG, PNG, WebP or GIF.
        url: Web address of the picture, instead of `source`.
        sizes: Longest sides in pixels; a picture is never made larger than it is.
        format: Format of the thumbnails.
        quality: 1 to 100; does not matter for PNG.
    """

    sizes: list[LongSide] = Field(default=[150, 300, 600], min_length=1, max_length=10)
    format: Literal["jpeg", "png", "webp", "avif"] = "webp"
    quality: int = Field(default=80, ge=1, le=100)

    @field_validator("sizes")
    @classmethod
    def _each_size_once(cls, value: list[int]) -> list[int]:
        if len(set(value)) != len(value):
            message = "must not hold a size twice"
            raise ValueError(message)
        return value


class Thumbnail(Model):
    """One of the small pictures.

    Attributes:
        size: The size that was asked for.
        file: Where it is stored.
        width: Pixels.
        height: Pixels.
        bytes: Size.
    """

    size: int
    file: FileReference
    width: int
    height: int
    bytes: int


class ThumbnailsGenerated(Model):
    """The small pictures, in the order of the sizes.

    Attributes:
        thumbnails: One per size.
    """

    thumbnails: list[Thumbnail]


CONTRACT = TaskContract(
    name="generate-thumbnails",
    queue="image",
    summary="Makes thumbnails of a picture in several sizes, decoding it once.",
    data=GenerateThumbnails,
    result=ThumbnailsGenerated,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=1_000, jitter=0.2),
        timeout_ms=60_000,
    ),
    idempotent_by="The source never changes; a second run stores equal pictures.",
)
