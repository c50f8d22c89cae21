"""`process-image`: one picture, resized and converted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileReference
from shared.contracts.picture_source import FromFileOrAddress
from shared.contracts.retry import Backoff

#: Most pixels of a picture, before and after.
MAX_PIXELS = 40_000_000

Side = Annotated[int, Field(ge=1, le=10_000)]


class ProcessImage(FromFileOrAddress):
    """What to make of which picture.

    The picture is turned upright, its metadata is removed, its colours become sRGB,
    and it is not made larger than it is unless that is asked for.

    Attributes:
        source: Id of the stored picture: JPEG, PNG, WebP or GIF.
        url: Web address of the picture, instead of `source`.
        width: Pixels; left out, it follows from the height.
        height: Pixels; left out, it follows from the width.
        fit: `inside` fits into the box, `cover` fills it and cuts what protrudes,
            `contain` fits into it and fills up with the background.
        format: Format of the result; left out, the source's (PNG for a GIF).
        quality: 1 to 100; does not matter for PNG.
        background: Colour as `#rrggbb`, for `contain` and where transparency is lost;
            left out, transparent where the format can, else white.
        enlarge: Whether a small picture may become larger than it is.
        progressive: Whether a JPEG shows itself in ever finer passes.
        animation: What becomes of an animated picture: `first` takes the first frame,
            `keep` makes an animated WebP, `refuse` fails the job.
        thumbnail: Longest side of a further, small WebP of the result, in pixels.
    """

    width: Side | None = None
    height: Side | None = None
    fit: Literal["inside", "cover", "contain"] = "inside"
    format: Literal["jpeg", "png", "webp", "avif"] | None = None
    quality: int = Field(default=80, ge=1, le=100)
    background: Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")] | None = None
    enlarge: bool = False
    progressive: bool = True
    animation: Literal["first", "keep", "refuse"] = "first"
    thumbnail: Annotated[int, Field(ge=16, le=1024)] | None = None

    @model_validator(mode="after")
    def _a_box_has_two_sides(self) -> ProcessImage:
        if self.fit != "inside" and (self.width is None or self.height is None):
            message = f"fit '{self.fit}' needs width and height"
            raise ValueError(message)
        if (self.width or 0) * (self.height or 0) > MAX_PIXELS:
            message = "width times height must not be more than 40 million"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _only_webp_moves(self) -> ProcessImage:
        if self.animation == "keep" and self.format not in (None, "webp"):
            message = "animation 'keep' makes a WebP; leave format out"
            raise ValueError(message)
        return self


class SmallPicture(Model):
    """The small picture beside the result.

    Attributes:
        file: Where it is stored.
        width: Pixels.
        height: Pixels.
        bytes: Size.
    """

    file: FileReference
    width: int
    height: int
    bytes: int


class ImageProcessed(Model):
    """The new picture.

    Attributes:
        file: Where it is stored.
        width: Pixels.
        height: Pixels.
        bytes: Size.
        format: Its format.
        frames: 1, or more when it is animated.
        thumbnail: The small picture, when one was asked for.
    """

    file: FileReference
    width: int
    height: int
    bytes: int
    format: str
    frames: int = 1
    thumbnail: SmallPicture | None = None


CONTRACT = TaskContract(
    name="process-image",
    queue="image",
    summary="Resizes and converts a picture and strips its metadata.",
    data=ProcessImage,
    result=ImageProcessed,
    defaults=TaskDefaults(
        attempts=3,
        backoff=Backoff(type="exponential", delay=1_000, jitter=0.2),
        timeout_ms=60_000,
    ),
    idempotent_by="The source never changes; a second run stores an equal picture.",
)
