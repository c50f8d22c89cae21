"""Reads pictures that nobody has checked, and writes clean ones."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from services.worker.sandboxed import animation, colours, encoding, geometry
from services.worker.sandboxed.orders import MAX_PIXELS, PicturePart
from services.worker.sandboxed.picture import Picture
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.sandboxed.orders import (
        ImageFormat,
        ResizeOrder,
        ThumbnailsOrder,
    )


def resized(
    source: BinaryIO, order: ResizeOrder
) -> Iterator[tuple[PicturePart, bytes]]:
    """Make one picture, and a thumbnail of it when one is wanted.

    Raises:
        Rejection: When the source can't be worked on.
    """
    picture = Picture(source)
    plan = geometry.plan(
        picture.size,
        width=order.width,
        height=order.height,
        fit=order.fit,
        enlarge=order.enlarge,
    )
    _check_result(plan)
    if order.animation != "first" and picture.is_animated:
        if order.animation == "refuse":
            message = "The image is animated, and the job takes no animation."
            raise Rejection(message)
        part, content, image = animation.resized(picture, plan, order)
        yield part, content
    else:
        image = colours.to_srgb(picture.part(plan), picture.profile)
        image_format = order.format or picture.format
        image = encoding.laid_on(plan.canvas, image, order.background, image_format)
        yield _encoded(
            image,
            image_format,
            order.quality,
            background=order.background,
            progressive=order.progressive,
        )
    if order.thumbnail is not None:
        target = geometry.inside(image.size, longest=order.thumbnail)
        small = image.resize(target, Image.Resampling.LANCZOS)
        yield _encoded(small, "webp", order.quality, asked_size=order.thumbnail)


def _check_result(plan: geometry.Plan) -> None:
    if plan.target[0] * plan.target[1] > MAX_PIXELS:
        millions = MAX_PIXELS // 1_000_000
        message = f"The result would have more than {millions} million pixels."
        raise Rejection(message)


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


def _encoded(
    image: Image.Image,
    image_format: ImageFormat,
    quality: int,
    *,
    background: str | None = None,
    progressive: bool = True,
    asked_size: int = 0,
) -> tuple[PicturePart, bytes]:
    content = io.BytesIO()
    encoding.write(
        image,
        content,
        image_format=image_format,
        quality=quality,
        background=background,
        progressive=progressive,
    )
    part = PicturePart(
        width=image.width, height=image.height, format=image_format, size=asked_size
    )
    return part, content.getvalue()
