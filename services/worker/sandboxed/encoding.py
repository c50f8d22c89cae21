"""Writes pictures: pixels and nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import AvifImagePlugin, Image

from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.sandboxed.orders import ImageFormat

WHITE = "#ffffff"
_CLEAR = (0, 0, 0, 0)
#: Writers beside those of the readers.
WRITERS = (AvifImagePlugin,)
#: Longest side that a format can hold, in pixels.
_LONGEST_SIDE = {"webp": 16_383, "jpeg": 65_500, "avif": 65_535}
#: Most pixels of an AVIF: beyond, writing one takes all of a child's time and memory.
_MAX_AVIF_PIXELS = 8_000_000
#: What libwebp answers when it gets no memory.
_WEBP_OUT_OF_MEMORY = ("encoding error 1", "encoding error 2")


def write(
    image: Image.Image,
    target: BinaryIO,
    *,
    image_format: ImageFormat,
    quality: int,
    background: str | None = None,
    progressive: bool = True,
) -> None:
    """Write the picture.

    Args:
        image: Grey or RGB, with or without alpha.
        target: Where to.
        image_format: The format.
        quality: 1 to 100; means nothing for PNG.
        background: Colour under what is see-through, where the format can't be.
        progressive: Whether a JPEG comes in passes.

    Raises:
        Rejection: When the format can't hold so large a picture.
        MemoryError: When there isn't enough.
    """
    check_size(image.size, image_format)
    if image_format == "jpeg" or background is not None:
        image = _opaque(image, background or WHITE)
    # Whatever came along from the source stays behind.
    image.info.clear()
    with webp_errors():
        image.save(target, **_options(image_format, quality, progressive=progressive))


@contextmanager
def webp_errors() -> Iterator[None]:
    """Turn libwebp's numbers into errors of ours.

    Raises:
        MemoryError: When it got none.
    """
    try:
        yield
    except ValueError as error:
        if str(error) in _WEBP_OUT_OF_MEMORY:
            raise MemoryError from error
        raise


def laid_on(
    canvas: tuple[int, int] | None,
    image: Image.Image,
    background: str | None,
    image_format: ImageFormat,
) -> Image.Image:
    """Return the picture in the middle of a canvas, or as it is without one."""
    if canvas is None:
        return image
    see_through = background is None and image_format != "jpeg"
    colour = _CLEAR if see_through else background or WHITE
    sheet = Image.new("RGBA" if see_through else "RGB", canvas, colour)
    place = (
        (canvas[0] - image.width) // 2,
        (canvas[1] - image.height) // 2,
    )
    mask = image.convert("RGBA") if image.has_transparency_data else None
    sheet.paste(image if mask is None else mask, place, None if see_through else mask)
    return sheet


def check_size(size: tuple[int, int], image_format: ImageFormat) -> None:
    """Check that a format can hold a picture of this size.

    Raises:
        Rejection: When it can't.
    """
    longest = _LONGEST_SIDE.get(image_format)
    name = image_format.upper()
    if longest is not None and max(size) > longest:
        message = f"A {name} image can't be longer than {longest:,} pixels on a side."
        raise Rejection(message)
    if image_format == "avif" and size[0] * size[1] > _MAX_AVIF_PIXELS:
        millions = _MAX_AVIF_PIXELS // 1_000_000
        message = f"An AVIF image can't have more than {millions} million pixels."
        raise Rejection(message)


def _options(
    image_format: ImageFormat, quality: int, *, progressive: bool
) -> dict[str, Any]:
    match image_format:
        case "jpeg":
            return {
                "format": "JPEG",
                "quality": quality,
                "optimize": True,
                "progressive": progressive,
            }
        case "png":
            return {"format": "PNG"}
        case "webp":
            return {"format": "WEBP", "quality": quality, "method": 4}
        case "avif":
            # One thread: a child may not start others.
            return {"format": "AVIF", "quality": quality, "speed": 8, "max_threads": 1}


def _opaque(image: Image.Image, background: str) -> Image.Image:
    if not image.has_transparency_data:
        return image
    sheet = Image.new("RGB", image.size, background)
    layer = image.convert("RGBA")
    sheet.paste(layer, (0, 0), layer)
    return sheet
