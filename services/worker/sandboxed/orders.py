"""What the worker may ask of a sandboxed child; plain data, no image library."""

from __future__ import annotations

from typing import Literal

import msgspec

ImageFormat = Literal["jpeg", "png", "webp", "avif"]

#: Most pixels that a picture may have.
MAX_PIXELS = 40_000_000
#: Most frames of an animation that is kept.
MAX_FRAMES = 1_000
#: Most pixels of all its frames together, before.
MAX_MOVING_PIXELS = 100_000_000
#: The same after; all of them are in memory at once.
MAX_KEPT_PIXELS = 30_000_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a child may use.

    Attributes:
        memory_bytes: Address space.
        cpu_s: Processor time, in seconds.
        wall_s: Time by the clock after which the child ends itself; a backstop.
    """

    memory_bytes: int = 512 * 1024 * 1024
    cpu_s: int = 20
    wall_s: float = 3600


class ProgramLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a program of its own may use.

    Attributes:
        memory_bytes: Address space.
        cpu_s: Processor time, in seconds.
        file_bytes: Size of each file that it writes.
        files: Files that may be open at a time.
    """

    memory_bytes: int
    cpu_s: int
    file_bytes: int
    files: int = 128


class ResizeOrder(msgspec.Struct, frozen=True, kw_only=True, tag="resize"):
    """One picture from one picture; the fields are those of `process-image`."""

    width: int | None
    height: int | None
    fit: Literal["inside", "cover", "contain"]
    format: ImageFormat | None
    quality: int
    background: str | None
    enlarge: bool = False
    progressive: bool = True
    animation: Literal["first", "keep", "refuse"] = "first"
    thumbnail: int | None = None


class CompressOrder(msgspec.Struct, frozen=True, kw_only=True, tag="compress"):
    """One picture within a number of bytes; the fields are those of the task."""

    max_bytes: int
    format: ImageFormat
    max_side: int | None
    min_quality: int
    max_quality: int
    may_shrink: bool


class ThumbnailsOrder(msgspec.Struct, frozen=True, kw_only=True, tag="thumbnails"):
    """Several small pictures from one; one part per size, the largest first."""

    sizes: tuple[int, ...]
    format: ImageFormat
    quality: int


Order = ResizeOrder | ThumbnailsOrder | CompressOrder


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """All that a child is told; the picture follows as bytes.

    Attributes:
        order: What to do.
        limits: How much it may use.
    """

    order: Order
    limits: Limits


class PicturePart(msgspec.Struct, frozen=True, kw_only=True):
    """What a child says of a picture it made; the picture follows as bytes.

    Attributes:
        width: Pixels.
        height: Pixels.
        format: Its format.
        size: The size that was asked for, 0 when none was.
        quality: The quality that was found, 0 when none was looked for.
        frames: More than 1 when it is animated.
    """

    width: int
    height: int
    format: ImageFormat
    size: int = 0
    quality: int = 0
    frames: int = 1
