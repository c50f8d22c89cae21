"""Resizes and converts a picture, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import pictures
from services.worker.sandboxed.orders import ResizeOrder
from shared.contracts.tasks.process_image import (
    ImageProcessed,
    ProcessImage,
    SmallPicture,
)

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: ProcessImage, context: JobContext) -> ImageProcessed:
    """Make one picture from the source, perhaps a thumbnail of it, and store them."""
    order = ResizeOrder(
        width=data.width,
        height=data.height,
        fit=data.fit,
        format=data.format,
        quality=data.quality,
        background=data.background,
        enlarge=data.enlarge,
        progressive=data.progressive,
        animation=data.animation,
        thumbnail=data.thumbnail,
    )
    with pictures.opened(data, context) as source:
        picture, *small = pictures.make(order, source=source, context=context)
    return ImageProcessed(
        file=picture.file,
        width=picture.part.width,
        height=picture.part.height,
        bytes=picture.file.size,
        format=picture.part.format,
        frames=picture.part.frames,
        thumbnail=_small(small[0]) if small else None,
    )


def _small(picture: pictures.StoredPicture) -> SmallPicture:
    return SmallPicture(
        file=picture.file,
        width=picture.part.width,
        height=picture.part.height,
        bytes=picture.file.size,
    )
