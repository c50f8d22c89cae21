"""Reads pictures that nobody has checked, and writes clean ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from services.worker.sandboxed import colours, encoding, geometry
from services.worker.sandboxed.orders import PicturePart
from services.worker.sandboxed.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.sandboxed.orders import (
        ImageFormat,
        ResizeOrder,
        ThumbnailsOrder,
    )

_CLEAR = (0, 0, 0, 0)


def resized(source: BinaryIO, order: ResizeOrder) -> tuple[PicturePart, bytes]:
    """Make one picture.

    Raises:
        Rejection: When the source can't be worked on.
    """
    picture = Picture(source)
    plan = geometry.plan(
        picture.size, width=order.width, height=order.height, fit=order.fit
    )
    image = colours.to_srgb(picture.part(plan), picture.profile)
    image_format = order.format or picture.format
    if plan.canvas is not None:
        image = _laid_on(
            plan.canvas, image, background=order.background, image_format=image_format
        )
    return _encoded(image, image_format, order.quality, background=order.background)


def thumbnails(
    source: BinaryIO, order: ThumbnailsOrder
) -> Iterator[tuple[PicturePart, bytes]]:
    """Make several pictures, the largest first, each from the one before.

    Raises:
        Rejection: When the source can't be worked on.
    """
    picture = Picture(source)
    image: Image.Image | None = None
    for size in sorted(order.sizes, reverse=True):
        target = geometry.inside(picture.size, longest=size)
        if image is None:
            plan = geometry.plan(picture.size, width=size, height=size, fit="inside")
            image = colours.to_srgb(picture.part(plan), picture.profile)
        elif image.size != target:
            image = image.resize(target, Image.Resampling.LANCZOS)
        yield _encoded(image, order.format, order.quality, asked_size=size)


def _laid_on(
    canvas: geometry.Size,
    image: Image.Image,
    *,
    background: str | None,
    image_format: ImageFormat,
) -> Image.Image:
    see_through = background is None and image_format != "jpeg"
    colour = _CLEAR if see_through else background or encoding.WHITE
    sheet = Image.new("RGBA" if see_through else "RGB", canvas, colour)
    place = (
        (canvas[0] - image.width) // 2,
        (canvas[1] - image.height) // 2,
    )
    mask = image.convert("RGBA") if image.has_transparency_data else None
    sheet.paste(image if mask is None else mask, place, None if see_through else mask)
    return sheet


def _encoded(
    image: Image.Image,
    image_format: ImageFormat,
    quality: int,
    *,
    background: str | None = None,
    asked_size: int = 0,
) -> tuple[PicturePart, bytes]:
    content = io.BytesIO()
    encoding.write(
        image,
        content,
        image_format=image_format,
        quality=quality,
        background=background,
    )
    part = PicturePart(
        width=image.width, height=image.height, format=image_format, size=asked_size
    )
    return part, content.getvalue()
