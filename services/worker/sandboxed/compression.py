"""Finds the best quality that fits into a number of bytes."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image

from services.worker.sandboxed import colours, encoding, geometry
from services.worker.sandboxed.orders import PicturePart
from services.worker.sandboxed.picture import Picture
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from services.worker.sandboxed.orders import CompressOrder

#: Most times that a picture is made smaller.
_MAX_SHRINKS = 12
#: The least and the most that one shrinking takes from a side.
_LEAST, _MOST = 0.9, 0.35
#: Where shrinking ends, in pixels of the longest side.
_SMALLEST = 16


def compressed(source: BinaryIO, order: CompressOrder) -> tuple[PicturePart, bytes]:
    """Make one picture of at most `order.max_bytes` bytes.

    Raises:
        Rejection: When the source can't be worked on, or nothing fits.
    """
    picture = Picture(source)
    side = order.max_side
    plan = geometry.plan(picture.size, width=side, height=side, fit="inside")
    image = colours.to_srgb(picture.part(plan), picture.profile)
    for _ in range(_MAX_SHRINKS):
        lowest = _encoded(image, order, order.min_quality)
        if len(lowest) <= order.max_bytes:
            quality, content = _best(image, order, lowest)
            return _part(image, order, quality), content
        if not order.may_shrink or max(image.size) <= _SMALLEST:
            break
        image = _smaller(image, order.max_bytes / len(lowest))
    message = (
        f"The image does not fit into {order.max_bytes:,} bytes "
        f"at quality {order.min_quality}."
    )
    raise Rejection(message)


def _best(image: Image.Image, order: CompressOrder, lowest: bytes) -> tuple[int, bytes]:
    """Look for the highest quality that fits, halving what is left each time."""
    low, high = order.min_quality, order.max_quality
    found = low, lowest
    while low < high:
        quality = (low + high + 1) // 2
        content = _encoded(image, order, quality)
        if len(content) <= order.max_bytes:
            low, found = quality, (quality, content)
        else:
            high = quality - 1
    return found


def _smaller(image: Image.Image, ratio: float) -> Image.Image:
    # Bytes go roughly with the pixels, so a side goes with the root.
    scale = max(_MOST, min(_LEAST, math.sqrt(ratio) * 0.97))
    longest = max(_SMALLEST, round(max(image.size) * scale))
    target = geometry.inside(image.size, longest=longest)
    return image.resize(target, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _encoded(image: Image.Image, order: CompressOrder, quality: int) -> bytes:
    content = io.BytesIO()
    encoding.write(image, content, image_format=order.format, quality=quality)
    return content.getvalue()


def _part(image: Image.Image, order: CompressOrder, quality: int) -> PicturePart:
    return PicturePart(
        width=image.width, height=image.height, format=order.format, quality=quality
    )
