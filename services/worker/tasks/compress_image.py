"""Fits a picture into a number of bytes, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import pictures
from services.worker.sandboxed.orders import CompressOrder
from shared.contracts.tasks.compress_image import CompressImage, ImageCompressed

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: CompressImage, context: JobContext) -> ImageCompressed:
    """Make one picture that keeps within the budget and store it."""
    order = CompressOrder(
        max_bytes=data.max_bytes,
        format=data.format,
        max_side=data.max_side,
        min_quality=data.min_quality,
        max_quality=data.max_quality,
        may_shrink=data.may_shrink,
    )
    with pictures.opened(data, context) as source:
        [picture] = pictures.make(order, source=source, context=context)
        return ImageCompressed(
            file=picture.file,
            width=picture.part.width,
            height=picture.part.height,
            bytes=picture.file.size,
            quality=picture.part.quality,
            was_bytes=source.size,
        )
